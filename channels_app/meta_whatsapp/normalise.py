"""Convert Meta's messages, echoes and statuses to ours (pure)."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from conversations.types import ContentType, InboundMedia, InboundMessage, SenderIdentity
from integrations.meta.errors import words_of

Fields = Mapping[str, Any]
REST_LIMIT: Final = 8000
TEXT_LIMIT: Final = 4096
MEDIA: Final[dict[str, ContentType]] = {
    "image": "image",
    "sticker": "image",
    "video": "video",
    "audio": "audio",
    "voice": "audio",
    "document": "document",
}
# They say something about another message or the chat itself, and are no reason to know somebody.
NOT_MESSAGES: Final = frozenset({"reaction", "ephemeral", "system", "request_welcome", "edit", "revoke"})
# Meta's statuses -> ours.
STATUSES: Final[dict[str, str]] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "played": "read",
    "failed": "failed",
}
_CALLBACK: Final = re.compile(r"([0-9a-f-]{36})(?::([1-9][0-9]?)-([1-9][0-9]?))?")
LATEST: Final = 4102444800  # 2100: what is later is no time


class Said(NamedTuple):
    """The text of a message, and how it is stored."""

    text: str
    content_type: ContentType
    media: tuple[InboundMedia, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """A status report about one of our messages; `status` is empty without news.

    `part` and `of` are the number of the part and of all, for a message that became several or carries a file; else 0.
    """

    message_id: str
    status: Literal["", "sent", "delivered", "read", "failed"]
    error: str
    target: UUID | None
    recipient: SenderIdentity | None = field(repr=False)
    part: int = 0
    of: int = 0
    error_text: str = field(default="", repr=False)


def is_message(item: Fields) -> bool:
    """Return True if the element is something that its sender wrote."""
    return text_of(item.get("type")) not in NOT_MESSAGES


def identities_of(document: Fields) -> tuple[SenderIdentity, ...]:
    """Return the sender's identities: the phone number, which may be hidden, and Meta's id."""
    contact = _mapping(document.get("contact"))
    name = text_of(_mapping(contact.get("profile")).get("name")) or _username_in(document)
    return _named(document.get("From"), document.get("ExternalUserId"), name)


def recipients_of(document: Fields) -> tuple[SenderIdentity, ...]:
    """Return the recipient's identities in an echo or a status."""
    return _named(document.get("To"), document.get("ToUserId"))


def username_of(document: Fields) -> SenderIdentity | None:
    """Return the sender's username, which is only kept: it may belong to somebody else tomorrow."""
    name = _username_in(document)
    return SenderIdentity("username", name) if name.strip("@") else None


def _username_in(document: Fields) -> str:
    contact = _mapping(document.get("contact"))
    found = text_of(contact.get("username")) or text_of(_mapping(contact.get("profile")).get("username"))
    return found.strip()[:120]


def _named(phone: Any, user: Any, name: str = "") -> tuple[SenderIdentity, ...]:
    found = []
    if number := text_of(phone):
        found.append(SenderIdentity(kind="phone", value=number, verified=True, display_name=name))
    if key := text_of(user).strip():
        found.append(SenderIdentity(kind="bsuid", value=key, verified=True, display_name=name))
    return tuple(found)


def message_of(document: Fields, *, account_id: UUID, sender: SenderIdentity) -> InboundMessage:
    """Parse a message of any type; an unsupported one is named in its text and kept in its metadata."""
    item = _mapping(document.get("item"))
    said = said_in(item)
    return InboundMessage(
        channel_account_id=account_id,
        sender=sender,
        text=said.text[:TEXT_LIMIT],
        content_type=said.content_type,
        external_id=text_of(item.get("id"))[:200],
        media=said.media,
        metadata=metadata_of(item),
        sent_at=moment_of(item.get("timestamp")),
    )


def said_in(item: Fields) -> Said:
    """Return the words and files of a message or an echo."""
    kind = text_of(item.get("type"))
    part = _mapping(item.get(kind))
    if kind in MEDIA:
        media_id = text_of(part.get("id"))
        caption = text_of(part.get("caption"))
        if not media_id:
            return Said(caption or f"[{kind} message]", "text")
        content_type = text_of(part.get("mime_type")).partition(";")[0].strip()[:100]
        file = InboundMedia(content_type=content_type, source=media_id, filename=text_of(part.get("filename"))[:200])
        return Said(caption, MEDIA[kind], (file,))
    reader = _READERS.get(kind)
    said = reader(part, item) if reader else None
    if said is None or (not said.text.strip() and said.content_type == "text"):
        return Said(f"[{kind[:40] if kind.isprintable() and kind else 'empty'} message]", "text")
    return said


def _interactive(part: Fields, item: Fields) -> Said:
    chosen = _mapping(part.get(text_of(part.get("type"))))
    return Said(text_of(chosen.get("title")) or text_of(chosen.get("body")) or "[form]", "interactive")


def _location(part: Fields, item: Fields) -> Said | None:
    north, east = part.get("latitude"), part.get("longitude")
    if not isinstance(north, int | float | str) or not isinstance(east, int | float | str):
        return None
    place = ", ".join(filter(None, (text_of(part.get("name")), text_of(part.get("address")))))
    point = f"{north}, {east}"[:60]
    return Said(f"{place} ({point})" if place else point, "location")


def _contacts(part: Fields, item: Fields) -> Said | None:
    rows = item.get("contacts")
    lines = []
    for row in rows if isinstance(rows, list) else []:
        name = text_of(_mapping(_mapping(row).get("name")).get("formatted_name"))
        phones = _mapping(row).get("phones")
        numbers = [text_of(_mapping(one).get("phone")) for one in phones] if isinstance(phones, list) else []
        lines.append(": ".join(filter(None, (name, ", ".join(filter(None, numbers))))))
    return Said("\n".join(filter(None, lines)), "text")


def _order(part: Fields, item: Fields) -> Said:
    rows = part.get("product_items")
    count = len(rows) if isinstance(rows, list) else 0
    words = text_of(part.get("text"))
    return Said(f"[order of {count} products]" + (f" {words}" if words else ""), "interactive")


_READERS: Final[dict[str, Callable[[Fields, Fields], Said | None]]] = {
    "text": lambda part, _: Said(text_of(part.get("body")), "text"),
    "button": lambda part, _: Said(text_of(part.get("text")) or text_of(part.get("payload")), "interactive"),
    "interactive": _interactive,
    "location": _location,
    "contacts": _contacts,
    "order": _order,
}


def metadata_of(item: Fields) -> dict[str, Any]:
    """Return what a message says beside its words: the button pressed, the message quoted, and the rest."""
    found: dict[str, Any] = {}
    kind = text_of(item.get("type"))
    part = _mapping(item.get(kind))
    if kind == "button":
        found["button"] = _pressed(part.get("text"), part.get("payload"))
    if kind == "interactive":
        chosen = _mapping(part.get(text_of(part.get("type"))))
        found["button"] = _pressed(chosen.get("title"), chosen.get("id"))
    if quoted := text_of(_mapping(item.get("context")).get("id")):
        found["reply_to"] = quoted[:200]
    rest = {name: value for name, value in item.items() if name not in ("from", "id", "timestamp", "text", "type")}
    if kind != "text" and rest and len(json.dumps(rest)) <= REST_LIMIT:
        found["whatsapp"] = rest
    return found


def _pressed(text: Any, payload: Any) -> dict[str, str]:
    return {"text": text_of(text)[:200], "payload": text_of(payload)[:500]}


def report_of(document: Fields) -> Report:
    """Parse a status; the target is our own message's id, if it came back with it."""
    item = _mapping(document.get("item"))
    status: Any = STATUSES.get(text_of(item.get("status")), "")
    errors = item.get("errors")
    first = _mapping(errors[0]) if isinstance(errors, list) and errors else {}
    code = first.get("code")
    error = str(code)[:20] if isinstance(code, int) else "failed"
    target, part, of = _target_of(text_of(item.get("biz_opaque_callback_data")))
    recipient = next(iter(recipients_of(document)), None)
    return Report(text_of(item.get("id"))[:200], status, error, target, recipient, part, of, words_of(first))


def callback_data(message_id: UUID, part: int = 0, of: int = 0) -> str:
    """Return what comes back with each status: our message, and the part of it."""
    return f"{message_id}:{part}-{of}" if of else str(message_id)


def _target_of(data: str) -> tuple[UUID | None, int, int]:
    found = _CALLBACK.fullmatch(data)
    try:
        target = UUID(found[1]) if found else None
    except ValueError:
        target = None
    return (target, int(found[2] or 0), int(found[3] or 0)) if found and target else (None, 0, 0)


def moment_of(value: Any) -> datetime | None:
    """Return a time of Meta's, which are strings of seconds; None if it isn't one."""
    text = text_of(value)
    if not (text.isascii() and text.isdigit() and len(text) <= 12) or int(text) > LATEST:
        return None
    return datetime.fromtimestamp(int(text), UTC)


def text_of(value: Any) -> str:
    """Return a text, or "" for anything else."""
    return value if isinstance(value, str) else ""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
