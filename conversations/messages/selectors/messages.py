"""Messages of a conversation: masked pages for staff."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

from accounts.selectors import names_of
from conversations.contacts.selectors.names import names_in_conversation
from conversations.inbox.selectors.lists import require_clear
from conversations.inbox.teams.seen import require_seen, require_view, seen_by
from conversations.messages.selectors.failures import Failure, failures_of
from conversations.models import Message
from conversations.texts import SENT_AS, shown_text
from core.actors import Actor
from core.privacy.pii import mask_text

PAGE: Final = 50
MOST: Final = 200
PERSON: Final = Message.Sender.PERSON
QUOTED: Final = 2000
MARGIN: Final = 200
LINE: Final = 120


@dataclass(frozen=True, slots=True)
class MailFacts:
    """What an email says beside its text, masked like the text; `automatic` is why a program wrote it, "" if none did.

    `is_proven` means that DKIM or SPF passed for the sender's own domain.
    """

    subject: str = field(repr=False)
    quoted: str = field(repr=False)
    automatic: str
    is_proven: bool


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A message as the viewer may see it: `text` is masked unless `clear`."""

    id: UUID
    seq: int
    direction: str
    sender_type: str
    sender_id: UUID | None
    sender_name: str
    """The name of a colleague, who may have left ("" once erased), or of an agent."""
    content_type: str
    text: str = field(repr=False)
    clear: bool
    media: Sequence[Mapping[str, Any]]
    metadata: Mapping[str, Any] = field(repr=False)
    status: str
    retry_count: int
    created_at: datetime
    failure: Failure | None = None
    mail: MailFacts | None = None
    in_reply_to: str = field(default="", repr=False)
    """The beginning of the message that its writer quoted, masked like the text; "" for none."""


@dataclass(frozen=True, slots=True)
class MessagePage:
    """One page in the order of the conversation. `before` gets the page above (None at the top)."""

    rows: Sequence[MessageRow]
    before: int | None


def list_messages(
    *,
    viewer: Actor,
    conversation_id: UUID,
    before: int | None = None,
    limit: int = PAGE,
    clear: bool = False,
    created_after: datetime | None = None,
    created_before: datetime | None = None,
) -> MessagePage:
    """Return the newest messages below the number `before`, oldest first, masked.

    `created_after` is the first moment that counts, `created_before` the first that doesn't any more. Needs
    `conversations.view_conversation`. `clear` needs `accounts.view_pii` and an open reveal grant on the conversation's
    messages, else `Refused` ("no_grant"). Raises `NotFound`. The caller records the view (`services.record_view`).
    """
    require_view(viewer)
    if clear:
        require_seen(viewer, conversation_id)
        require_clear(viewer=viewer, conversation_id=conversation_id)
    size = max(1, min(limit, MOST))
    rows = Message.objects.filter(seen_by(viewer, "conversation__"), conversation_id=conversation_id)
    if before is not None:
        rows = rows.filter(seq__lt=before)
    if created_after:
        rows = rows.filter(created_at__gte=created_after)
    if created_before:
        rows = rows.filter(created_at__lt=created_before)
    if not clear:
        rows = rows.defer("body")
    found = list(rows.order_by("-seq")[: size + 1])
    if not found:
        require_seen(viewer, conversation_id)
    page = found[:size][::-1]
    names = names_of(message.sender_id for message in page if message.sender_type == PERSON)
    failures = failures_of([message.pk for message in page if message.status == Message.Status.FAILED])
    quoted = _quoted_by(page, conversation_id, clear=clear)
    has_more = any(message.metadata.get("mail") or message.metadata.get(SENT_AS) for message in page)
    hidden = names_in_conversation(conversation_id) if has_more and not clear else ()
    return MessagePage(
        [
            replace(
                row_of(message, clear=clear, failure=failures.get(message.pk), names=names, hidden=hidden),
                in_reply_to=quoted.get(str(message.metadata.get("reply_to") or ""), ""),
            )
            for message in page
        ],
        page[0].seq if len(found) > size else None,
    )


def _quoted_by(page: Sequence[Message], conversation_id: UUID, *, clear: bool) -> dict[str, str]:
    """Return the beginnings of quoted messages of this conversation, by the provider's id. At most one query."""
    keys = {str(message.metadata.get("reply_to") or "") for message in page} - {""}
    if not keys:
        return {}
    accounts = {message.channel_account_id for message in page}
    rows = Message.objects.filter(
        conversation_id=conversation_id, channel_account_id__in=accounts, channel_message_id__in=keys
    )
    return {row.channel_message_id: _beginning(row, clear=clear) for row in (rows if clear else rows.defer("body"))}


def _beginning(message: Message, *, clear: bool) -> str:
    """Return a line of a message, or what it is if it has no words."""
    words = " ".join(_text_of(message, clear=clear).split()) or f"[{message.get_content_type_display()}]"
    return words if len(words) <= LINE else f"{words[: LINE - 1].rstrip()}…"


def _text_of(message: Message, *, clear: bool, hidden: Sequence[str] = ()) -> str:
    mask = str if clear else partial(mask_text, own=hidden)
    return shown_text(message.body if clear else message.masked_body, message.metadata, mask)


def row_of(
    message: Message,
    *,
    clear: bool = False,
    failure: Failure | None = None,
    names: Mapping[UUID, str] | None = None,
    hidden: Sequence[str] = (),
) -> MessageRow:
    """Return a message masked, or in clear for a viewer who was checked.

    `names` are those of the colleagues who wrote; without them they are read. `hidden` are those of the customer.
    """
    name = message.sender_name
    if message.sender_type == PERSON:
        known = names_of([message.sender_id]) if names is None else names
        name = known.get(message.sender_id, "") if message.sender_id else ""
    return MessageRow(
        id=message.pk,
        seq=message.seq,
        direction=message.direction,
        sender_type=message.sender_type,
        sender_id=message.sender_id,
        sender_name=name,
        content_type=message.content_type,
        text=_text_of(message, clear=clear, hidden=hidden),
        clear=clear,
        media=message.media,
        metadata=clear_metadata(message.metadata) if clear else public_metadata(message.metadata),
        status=message.status,
        retry_count=message.retry_count,
        created_at=message.created_at,
        failure=failure,
        mail=_mail_facts(message, clear=clear, hidden=hidden),
    )


def _mail_facts(message: Message, *, clear: bool, hidden: Sequence[str] = ()) -> MailFacts | None:
    """Return what is kept of an email that came in or began a conversation; None for others and for an erased one."""
    facts = message.metadata.get("mail")
    if not isinstance(facts, dict):
        return None
    subject, quoted = str(facts.get("subject") or ""), str(facts.get("quoted") or "")
    if not clear:
        subject, quoted = mask_text(subject, hidden), _masked_beginning(quoted, hidden)
    return MailFacts(subject, quoted, str(facts.get("automatic") or ""), message.sender_verified)


def _masked_beginning(quoted: str, hidden: Sequence[str]) -> str:
    """Return the masked beginning of a quoted text: masking takes time, and a page has many."""
    if len(quoted) <= QUOTED:
        return mask_text(quoted, hidden)
    # What stands at the cut may be half a number, which isn't recognised.
    return f"{mask_text(quoted[: QUOTED + MARGIN], hidden)[:-MARGIN].rstrip()}…"


CUSTOMERS_ONLY: Final = frozenset({"choices", "code"})
PUBLIC_METADATA: Final = (
    "agent",
    "approval",
    "approval_id",
    "approval_state",
    "buttons",
    "figures",
    "reference",
    "run",
    "run_id",
    "sources",
    "survey",
)


def clear_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return what colleagues may read once messages are revealed: all but what only the customer can answer with."""
    return {key: value for key, value in metadata.items() if key not in CUSTOMERS_ONLY}


def public_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys that hold only ids, states and figures and may be shown to everyone in the conversation."""
    return {key: metadata[key] for key in PUBLIC_METADATA if key in metadata}
