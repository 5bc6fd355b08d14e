"""Value types at the boundary of conversations, and the transport interface."""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final, Literal
from uuid import UUID

PointKind = Literal["phone", "email", "bsuid", "username", "webchat", "member", "customer", "typed"]
ContentType = Literal["text", "image", "video", "audio", "document", "interactive", "location"]
SenderType = Literal["customer", "agent", "person", "system"]


@dataclass(frozen=True, slots=True)
class SenderIdentity:
    """The sender of a message, as one address on a channel.

    `verified` means that the channel has proof (a signed webhook, a signed session). `user_id` is the
    colleague behind an identity signed by the host page; it only counts when `verified`. `language` is the code that
    the channel names, if it does; it is kept where the contact has none yet.
    """

    kind: PointKind
    value: str = field(repr=False)
    verified: bool = False
    display_name: str = field(default="", repr=False)
    user_id: UUID | None = None
    language: str = ""


@dataclass(frozen=True, slots=True)
class InboundMedia:
    """One attached file that a provider holds for us. `source` is its URL or id there."""

    content_type: str
    source: str = field(repr=False)
    size: int = 0
    filename: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """A message as every channel delivers it.

    `external_id` is the provider's id of the message (unique per channel account), `client_id` the
    one the customer's own page made (unique per conversation); either makes a repeat harmless.
    Without `wants_answer` the message is stored and shown, but no agent answers it. `thread` is the mail
    thread that it belongs to: each has a conversation of its own; other channels have none. A channel that stored
    the message before this call says as what (`delivery_id`), and when that was.
    """

    channel_account_id: UUID
    sender: SenderIdentity
    text: str = field(default="", repr=False)
    content_type: ContentType = "text"
    external_id: str = ""
    client_id: UUID | None = None
    media: tuple[InboundMedia, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict, repr=False)
    sent_at: datetime | None = None
    wants_answer: bool = True
    thread: str = ""
    delivery_id: UUID | None = None
    arrived_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a customer's messages were read as; `document` is what the scores are made of."""

    intent: str
    language: str
    urgency: int
    lead: int
    document: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class OutboundTemplate:
    """An approved template with the values of its variables, by their names and in order; `body` has the gaps."""

    name: str
    language: str
    provider_id: str
    values: Mapping[str, str] = field(repr=False)
    template_id: UUID | None = None
    body: str = ""


@dataclass(frozen=True, slots=True)
class OutboundMessage:
    """An outgoing message in clear, for transports only.

    `message_id` stays the same over all attempts: use it as the idempotency key where the provider accepts one. `media`
    holds the id, content type and size of each file; their bytes are read by `services.read_outgoing_file`.
    """

    message_id: UUID
    conversation_id: UUID
    channel_account_id: UUID
    from_address: str
    credentials: Mapping[str, Any] = field(repr=False)
    recipient: SenderIdentity
    text: str = field(repr=False)
    content_type: ContentType = "text"
    media: tuple[Mapping[str, Any], ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict, repr=False)
    attempt: int = 1
    template: OutboundTemplate | None = None


@dataclass(frozen=True, slots=True)
class SendResult:
    """What a provider answered. `error` is a short code without personal data.

    `error_text` is what the provider said beside it, `http_status` its answer; both are kept with the attempt, the
    text masked. A failure that is not `permanent` is retried, after `retry_after` seconds if given.
    """

    ok: bool
    provider_id: str = ""
    error: str = ""
    permanent: bool = False
    retry_after: int | None = None
    error_text: str = field(default="", repr=False)
    http_status: int | None = None
    milliseconds: int | None = None
    """How long its call took, set by who measured it; None if it was not asked."""


ANOTHER_WAY: Final = "Contact the customer another way."
AGAIN: Final = "Send it again in a few minutes."


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a message failed, what to do, and the provider's page about it ("" for none)."""

    reason: str
    advice: str
    url: str = ""


_CUT_OFF: Final = Explanation("Walker was interrupted while it sent this message.", AGAIN)
COMMON: Final[dict[str, Explanation]] = {
    "opted_out": Explanation(
        "The customer doesn't want messages on this channel.",
        f"Only the customer can change that, by writing START. {ANOTHER_WAY}",
    ),
    "unreachable": Explanation(
        "The provider can't reach the customer on this channel.",
        f"Messages are sent again once the customer writes. {ANOTHER_WAY}",
    ),
    "no_address": Explanation("The contact has no address on this channel.", ANOTHER_WAY),
    "window_closed": Explanation(
        "The customer hasn't written for 24 hours, and this number has no template.",
        f"Wait until the customer writes, or set a template on the channel. {ANOTHER_WAY}",
    ),
    "blocked": Explanation("A colleague blocked this contact.", "Unblock the contact, then send the message again."),
    "no_consent": Explanation("The customer hasn't agreed to messages like this one.", "Ask for their consent first."),
    "limit": Explanation("The customer got as many messages as your limits allow.", "Send it again tomorrow."),
    "erased": Explanation("The contact was erased.", "There is nothing to do."),
    "file_gone": Explanation("A file of this message was deleted.", "Send the message again with the file."),
    "file_unavailable": Explanation("A file of this message couldn't be read.", AGAIN),
    "too_large": Explanation("The files are too large for this channel.", "Send smaller files, or a link."),
    "cut_off": _CUT_OFF,
    "timed_out": Explanation("The provider didn't answer in time.", AGAIN),
    "not_reachable": Explanation("The provider can't be reached.", AGAIN),
}
_UNKNOWN: Final = Explanation("The provider didn't deliver this message.", f"{AGAIN} {ANOTHER_WAY}")


def explain_common(code: str) -> Explanation:
    """Return the explanation of a code that doesn't belong to one provider."""
    return COMMON.get(code, _UNKNOWN)


class Medium:
    """What a kind of channel allows through any provider; one that allows less declares a subclass."""

    recipient_kinds: ClassVar[tuple[PointKind, ...]]
    """Kinds of contact points that can be messaged, the preferred one first."""

    window: ClassVar[timedelta | None] = None
    """How long after the customer's last message free text may be sent; None for always."""

    text_limit: ClassVar[int | None] = None
    """Characters of one text; a longer one is split. None for any length."""

    caption_limit: ClassVar[int] = 0
    """Characters of text that go with a file; 0 if files go without text."""

    media_limits: ClassVar[Mapping[str, int]] = {}
    """Bytes of a file by content type, or by the family before the slash; what is missing can't be sent."""

    media_count: ClassVar[int] = 0
    """Files of one of the provider's messages, further ones follow in messages of their own; 0 if there are none."""

    media_total: ClassVar[int | None] = None
    """Bytes of all files of a message, if that is less than anywhere."""

    no_media: ClassVar[str] = ""
    """Why there are no files, for the person who wants to send one; "" for the usual sentence."""

    buttons: ClassVar[int] = 0
    """Reply buttons below a text, each with up to `button_limit` characters."""

    button_limit: ClassVar[int] = 0

    list_rows: ClassVar[int] = 0
    """Rows of a list to choose from; their titles have up to `row_limit` characters."""

    row_limit: ClassVar[int] = 0

    @classmethod
    def split(cls, text: str) -> list[str]:
        """Split a text into parts that fit, between words where possible."""
        limit = cls.text_limit
        parts, rest = [], text
        while limit and len(rest) > limit:
            breaks = [found.start() for found in re.finditer(r"\s", rest[: limit + 1]) if found.start() > limit // 2]
            at = breaks[-1] if breaks else limit
            parts.append(rest[:at].rstrip())
            rest = rest[at:].lstrip()
        return [*parts, rest] if rest or not parts else parts

    @classmethod
    def media_limit(cls, content_type: str) -> int:
        """Return how many bytes a file of this type may have; 0 if it can't be sent."""
        return cls.media_limits.get(content_type) or cls.media_limits.get(content_type.partition("/")[0], 0)


class Transport(ABC):
    """Sends one message of one kind of channel through one provider, outside any transaction."""

    instant: ClassVar[bool] = False
    """True when the stream event itself is the delivery (web chat): nothing is queued."""

    medium: ClassVar[type[Medium]]
    """What this channel allows: recipients, window, lengths, files, buttons."""

    option: ClassVar[str] = ""
    """A setting of an account that makes it `medium_with_option`."""

    medium_with_option: ClassVar[type[Medium] | None] = None

    template_states: ClassVar[Mapping[str, str]] = {}
    """Error codes that say what became of the template: its state from then on."""

    @classmethod
    def missing_for_activation(cls, credentials: Mapping[str, Any]) -> str:  # noqa: ARG003  (for subclasses)
        """Return the name of the credential without which an account may not be switched on, or ""."""
        return ""

    @abstractmethod
    def send(self, outbound: OutboundMessage) -> SendResult:
        """Hand the message to the provider. An exception counts as a temporary failure."""

    @classmethod
    def explain(cls, code: str) -> Explanation:
        """Return an error code of this channel in words, with what to do."""
        return explain_common(code)


class AudienceSource(ABC):
    """An external platform with audiences and their sizes."""

    @abstractmethod
    def sizes(self) -> dict[str, int]:
        """Return the size of each audience by name.

        Returns an empty dict when the platform is unavailable.
        """
