"""Convert Twilio's parameters to messages and status reports (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from channels_app.twilio.senders import split_address
from conversations.types import ContentType, InboundMedia, InboundMessage, PointKind, SenderIdentity

Fields = Mapping[str, str]
MEDIA_LIMIT: Final = 10
REST_LIMIT: Final = 8000
# Stored in the message itself, or useless later.
_HELD: Final = frozenset(
    {
        "Body", "AccountSid", "ApiVersion", "From", "To", "WaId", "ExternalUserId", "ProfileName", "ProfileUsername",
        "NumMedia",
        "NumSegments", "SmsStatus", "SmsSid", "SmsMessageSid", "MessageSid",
    }
)  # fmt: skip
# Twilio's statuses -> ours.
STATUSES: Final[dict[str, str]] = {
    "sent": "sent",
    "delivered": "delivered",
    "partially_delivered": "delivered",
    "read": "read",
    "failed": "failed",
    "undelivered": "failed",
    "canceled": "failed",
}


@dataclass(frozen=True, slots=True)
class Report:
    """A status report about one of our messages. `status` is empty for statuses without news."""

    sid: str
    status: str
    error: str
    part: str = ""


@dataclass(frozen=True, slots=True)
class Sender:
    """The sender's identities; the phone number may be hidden, the id may be missing."""

    identities: tuple[SenderIdentity, ...] = field(repr=False)
    username: SenderIdentity | None = field(default=None, repr=False)


def report_of(fields: Fields, *, part: str = "") -> Report:
    """Parse a status callback."""
    word = fields.get("MessageStatus") or fields.get("SmsStatus") or ""
    code = fields.get("ErrorCode", "").strip()
    error = code if code.isascii() and code.isalnum() else word
    return Report(fields.get("MessageSid", ""), STATUSES.get(word, ""), error[:20], part)


def sender_of(fields: Fields) -> Sender:
    """Parse the sender.

    The phone number comes first, then the id that WhatsApp gives to businesses. A username is only kept:
    it may belong to somebody else tomorrow.
    """
    name = fields.get("ProfileName", "")
    found: list[SenderIdentity] = []
    for address in (fields.get("From", ""), fields.get("ExternalUserId", "")):
        _, value = split_address(address)
        if not value.strip():
            continue
        is_phone = value.startswith("+") and value[1:].isdigit() and value.isascii()
        kind: PointKind = "phone" if is_phone else "bsuid"
        if all(kind != one.kind for one in found):
            found.append(SenderIdentity(kind=kind, value=value, verified=True, display_name=name))
    username = fields.get("ProfileUsername", "").strip()[:120]
    return Sender(tuple(found), SenderIdentity("username", username) if username.strip("@") else None)


def is_empty(fields: Fields) -> bool:
    """Return True for a message that says nothing: reactions, and those without text, file, place or choice."""
    if fields.get("MessageType", "text") not in ("", "text", "reaction", "ephemeral"):
        return False
    said = (fields.get(name, "").strip() for name in ("Body", "MediaUrl0", "Latitude", "ButtonText", "ListTitle"))
    return not any(said)


def message_of(fields: Fields, *, account_id: UUID, sender: SenderIdentity) -> InboundMessage:
    """Parse a message of any type. An unsupported one is named in its text and kept in its metadata."""
    count = fields.get("NumMedia", "0")
    total = min(int(count), MEDIA_LIMIT) if count.isascii() and count.isdigit() and len(count) < 4 else 0
    media = tuple(
        InboundMedia(content_type=fields.get(f"MediaContentType{number}", "")[:100], source=url)
        for number in range(total)
        if (url := fields.get(f"MediaUrl{number}", ""))
    )
    content_type = _content_type(fields, media)
    # The other parameters as received: Twilio adds new ones without notice.
    rest = {name: value for name, value in fields.items() if name not in _HELD and not name.startswith("Media")}
    kept: dict[str, Any] = {}
    room = REST_LIMIT
    for name in sorted(rest):
        room -= len(name) + len(rest[name])
        if room < 0:
            break
        kept[name] = rest[name]
    found: dict[str, Any] = {"twilio": kept} if kept else {}
    if fields.get("ButtonPayload"):
        found["button"] = {"text": fields.get("ButtonText", "")[:200], "payload": fields["ButtonPayload"][:500]}
    if fields.get("OriginalRepliedMessageSid"):
        found["reply_to"] = fields["OriginalRepliedMessageSid"][:64]
    return InboundMessage(
        channel_account_id=account_id,
        sender=sender,
        text=_text(fields, content_type),
        content_type=content_type,
        external_id=fields.get("MessageSid", "")[:200],
        media=media,
        metadata=found,
    )


def _content_type(fields: Fields, media: tuple[InboundMedia, ...]) -> ContentType:
    if media:
        family = media[0].content_type.partition("/")[0]
        families: dict[str, ContentType] = {"image": "image", "video": "video", "audio": "audio"}
        return families.get(family, "document")
    if fields.get("Latitude") and fields.get("Longitude"):
        return "location"
    if fields.get("MessageType") in ("button", "interactive") or fields.get("ButtonPayload"):
        return "interactive"
    return "text"


def _text(fields: Fields, content_type: ContentType) -> str:
    body = fields.get("Body", "")
    if body.strip():
        return body
    if content_type == "location":
        place = ", ".join(filter(None, (fields.get("Label", ""), fields.get("Address", ""))))
        point = f"{fields['Latitude']}, {fields['Longitude']}"
        return f"{place} ({point})" if place else point
    chosen = fields.get("ButtonText") or fields.get("ListTitle") or ""
    if chosen or content_type != "text":
        return chosen
    return f"[{fields.get('MessageType') or 'empty'} message]"
