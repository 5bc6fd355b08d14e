"""Files of messages: fetched by their channel, stored encrypted, read under a reveal."""

import base64
import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import F

from accounts.privacy.reveals import require_grant
from conversations.models import Attachment
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.errors import Conflict, NotFound
from core.events import streams

LEASE: Final = timedelta(seconds=90)
PAUSES: Final = (5, 60, 600)
ATTEMPTS: Final = len(PAUSES) + 1
State = Attachment.State


@dataclass(frozen=True, slots=True)
class File:
    """A file in clear, for an actor who may read it."""

    filename: str = field(repr=False)
    content_type: str
    content: bytes = field(repr=False)


def claim_attachment(*, attachment_id: UUID, now: datetime | None = None) -> Attachment | None:
    """Claim a file that is due to be fetched.

    Returns None if it is claimed, not due or failed too often.
    For channels only.
    """
    moment = now or clock_now()
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

    Returns False if it is no longer pending.
    """
    attachment.content = base64.b64encode(content).decode()
    attachment.digest = hashlib.sha256(content).hexdigest()
    attachment.size, attachment.content_type = len(content), content_type[:100]
    attachment.state, attachment.next_attempt_at, attachment.error = State.STORED, None, ""
    return _save_result(attachment, ["content", "digest", "size", "content_type"])


def fail_attachment(*, attachment: Attachment, error: str, permanent: bool, now: datetime | None = None) -> bool:
    """Record that a file could not be fetched, to be retried or given up.

    `error` is a short code.
    """
    attachment.error = error[:40]
    if permanent or attachment.attempts >= ATTEMPTS:
        attachment.state, attachment.next_attempt_at = State.FAILED, None
    else:
        attachment.next_attempt_at = (now or clock_now()) + timedelta(seconds=PAUSES[attachment.attempts - 1])
    return _save_result(attachment, [])


def _save_result(attachment: Attachment, more: list[str]) -> bool:
    with transaction.atomic():
        mine = Attachment.objects.select_for_update().filter(
            pk=attachment.pk, state=State.PENDING, attempts=attachment.attempts
        )
        if not mine.exists():
            return False
        attachment.save(update_fields=["state", "next_attempt_at", "error", *more])
        if attachment.state != State.PENDING:
            stream = f"conversation-staff:{attachment.message.conversation_id}"
            streams.append(stream, "attachment_settled", {"id": str(attachment.pk), "state": attachment.state})
    return True


def read_attachment(*, actor: Actor, conversation_id: UUID, attachment_id: UUID) -> File:
    """Return a file in clear. Every read is an audit entry.

    Needs `conversations.view_conversation` and `accounts.view_pii` with an open reveal of the
    conversation's messages, because pictures cannot be masked. Raises `Refused` ("no_grant"), `NotFound`, and
    `Conflict` ("not_stored") for a file whose bytes are not here.
    """
    actor.require("conversations.view_conversation")
    rows = Attachment.objects.filter(pk=attachment_id, message__conversation_id=conversation_id)
    found = rows.select_related("message").first()
    if found is None:
        raise NotFound("There is no such file.")
    actor.require("accounts.view_pii")
    require_grant(actor=actor, object_type="conversations.conversation", object_id=conversation_id, field="messages")
    if found.state != State.STORED or found.content is None:
        raise Conflict("This file isn't available.", code="not_stored", state=found.state)
    with transaction.atomic():
        chain.record(
            actor=actor,
            action="ATTACHMENT_VIEWED",
            object_type="conversations.conversation",
            object_id=conversation_id,
            facts={"attachment": str(found.pk)},
        )
    return File(found.filename, found.content_type, base64.b64decode(found.content))
