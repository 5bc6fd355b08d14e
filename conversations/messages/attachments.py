"""Files of messages: fetched by their channel or sent by us, stored encrypted, read under a reveal."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.core.cache import cache
from django.db import transaction
from django.db.models import F

from accounts.privacy.reveals import require_grant
from conversations.inbox.teams.seen import require_view, seen_by
from conversations.messages import file_contents, previews
from conversations.messages.files.names import safe_name
from conversations.messages.files.rules import CheckedFile
from conversations.models import Attachment, Conversation, Message
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.db.rows import get_or_missing
from core.errors import NotFound
from core.events import streams
from core.files.kinds import KINDS, PIXELS, PREVIEWED, BadFile, Found, kind_of
from core.files.pictures import NO_PREVIEW, VISITORS

LEASE: Final = timedelta(seconds=90)
PAUSES: Final = (5, 60, 600)
ATTEMPTS: Final = len(PAUSES) + 1
FAMILIES: Final = ("image/", "audio/", "video/")
SAME_VIEW_SECONDS: Final = 300
State = Attachment.State


@dataclass(frozen=True, slots=True)
class File:
    """A file in clear, for an actor who may read it."""

    filename: str = field(repr=False)
    content_type: str
    content: bytes = field(repr=False)


def claim_attachment(*, attachment_id: UUID) -> Attachment | None:
    """Claim a file that is due to be fetched.

    Returns None if it is claimed, not due or failed too often.
    For channels only.
    """
    moment = clock_now()
    due = Attachment.objects.filter(pk=attachment_id, state=State.PENDING, next_attempt_at__lte=moment)
    if not due.update(next_attempt_at=moment + LEASE, attempts=F("attempts") + 1):
        return None
    found: Attachment = Attachment.objects.select_related("message__channel_account").get(pk=attachment_id)
    if found.attempts > ATTEMPTS:
        # The last worker never reported how it ended: stop retrying.
        fail_attachment(attachment=found, error="given_up", permanent=True)
        return None
    return found


def keep_attachment(*, attachment: Attachment, content: bytes, content_type: str) -> bool:
    """Store a fetched file encrypted and publish it to staff.

    Call it outside any transaction.

    Its kind is what its bytes say. What runs, or is disguised as a picture, is refused for good, and so are bytes that
    say nothing, unless `content_type`, which the sender's side named, is one of a picture, sound, film or document:
    those can be saved, as bytes without a kind. Returns False if it is no longer pending.
    """
    try:
        found = kind_of(content)
    except BadFile as bad:
        is_plausible = content_type in KINDS or content_type.startswith(FAMILIES)
        if bad.reason != "unknown" or not is_plausible:
            return fail_attachment(attachment=attachment, error=bad.reason, permanent=True)
        # Nobody runs or shows it, such as a picture of a newer kind.
        found = Found("application/octet-stream")
    attachment.content_type, attachment.width, attachment.height = found.content_type, found.width, found.height
    file_contents.write_content(attachment, content)
    attachment.state, attachment.next_attempt_at, attachment.error = State.STORED, None, ""
    return _save_result(attachment, [*file_contents.CONTENT_FIELDS, "content_type", "width", "height"])


def write_files(message_id: UUID | None, files: Sequence[CheckedFile]) -> list[Attachment]:
    """Seal the files of a message and return their rows, unsaved.

    Call it outside any transaction. The id is None where the message has none yet.
    """
    rows = [
        Attachment(
            **({"message_id": message_id} if message_id else {}),
            content_type=file.found.content_type,
            width=file.found.width,
            height=file.found.height,
            filename=file.name,
            state=State.STORED,
        )
        for file in files
    ]
    for row, file in zip(rows, files, strict=True):
        file_contents.write_content(row, file.content)
    return rows


def fail_attachment(*, attachment: Attachment, error: str, permanent: bool) -> bool:
    """Record that a file could not be fetched, to be retried or given up.

    `error` is a short code.
    """
    attachment.error = error[:40]
    if permanent or attachment.attempts >= ATTEMPTS:
        attachment.state, attachment.next_attempt_at = State.FAILED, None
    else:
        attachment.next_attempt_at = clock_now() + timedelta(seconds=PAUSES[attachment.attempts - 1])
    return _save_result(attachment, [])


def _save_result(attachment: Attachment, more: list[str]) -> bool:
    with transaction.atomic():
        mine = Attachment.objects.select_for_update().filter(
            pk=attachment.pk, state=State.PENDING, attempts=attachment.attempts
        )
        if not mine.exists():
            return False
        attachment.save(update_fields=["state", "next_attempt_at", "error", *more])
        file_contents.claim_content([attachment])
        if attachment.state != State.PENDING:
            stream = f"conversation-staff:{attachment.message.conversation_id}"
            streams.append(stream, "attachment_settled", {"id": str(attachment.pk), "state": attachment.state})
    return True


def read_attachment(*, actor: Actor, conversation_id: UUID, attachment_id: UUID, as_preview: bool = False) -> File:
    """Return a file in clear.

    Every read is an audit entry; a preview that a page fetches again is none for 5 minutes.

    Needs `conversations.view_conversation` and `accounts.view_pii` with an open reveal of the
    conversation's messages, because pictures cannot be masked. Raises `Refused` ("no_grant"), `NotFound`, and
    `Conflict` ("not_stored") for a file whose bytes are not here. `as_preview` is for pictures that a page shows
    (`NotFound` for others, also for what can't be drawn); it is redrawn, and its entry says that it was one.
    """
    require_view(actor)
    rows = Attachment.objects.filter(pk=attachment_id, message__conversation_id=conversation_id)
    rows = rows.filter(seen_by(actor, "message__conversation__")).select_related("message")
    found = get_or_missing(rows, "There is no such file.")
    actor.require("accounts.view_pii")
    require_grant(actor=actor, object_type="conversations.conversation", object_id=conversation_id, field="messages")
    if as_preview and not can_be_previewed(found):
        raise NotFound(NO_PREVIEW)
    if as_preview:
        content, found.content_type = previews.read_preview(found)
    else:
        content = file_contents.read_content(found)
    if as_preview and not cache.add(f"{found.tenant_id}:previewed:{actor.user_id}:{found.pk}", 1, SAME_VIEW_SECONDS):
        return _file(found, content)
    with transaction.atomic():
        seen: dict[str, Any] = {"preview": True} if as_preview else {}
        chain.note(actor, "ATTACHMENT_VIEWED", Conversation(pk=conversation_id), attachment=str(found.pk), **seen)
    return _file(found, content)


def read_outgoing_file(*, message_id: UUID, attachment_id: UUID) -> File:
    """Return a file of one of our messages in clear.

    For the channel that sends it and the customer who gets it.

    The caller has checked whose message it is. Raises `NotFound`, `Conflict` ("not_stored"), `Unavailable`.
    """
    rows = Attachment.objects.filter(pk=attachment_id, message_id=message_id, message__direction=Message.Direction.OUT)
    found = get_or_missing(rows, "There is no such file.")
    return _file(found, file_contents.read_content(found))


def read_own_file(*, conversation_id: UUID, attachment_id: UUID) -> File:
    """Return a file of a conversation, for its customer.

    The caller has checked whose it is. A picture that the customer sent is redrawn.

    Raises `NotFound`, `Conflict` ("not_stored"), `Unavailable`.
    """
    rows = Attachment.objects.filter(pk=attachment_id, message__conversation_id=conversation_id)
    found = get_or_missing(rows.select_related("message"), "There is no such file.")
    if found.message.direction == Message.Direction.IN and can_be_previewed(found):
        content, found.content_type = previews.read_preview(found, VISITORS)
    else:
        content = file_contents.read_content(found)
    return _file(found, content)


def can_be_previewed(attachment: Attachment) -> bool:
    """Return True for a stored picture that is small enough for a browser to unpack."""
    is_picture = attachment.content_type in PREVIEWED and attachment.state == State.STORED
    return is_picture and 0 < attachment.width * attachment.height <= PIXELS


def _file(found: Attachment, content: bytes) -> File:
    name = safe_name(found.filename, found.content_type) if found.filename else ""
    return File(name, found.content_type, content)
