"""Value types at the boundary of conversations, and the transport interface."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

from conversations.failures import Explanation, explain_common

PointKind = Literal["phone", "email", "bsuid", "username", "webchat", "member"]
ContentType = Literal["text", "image", "video", "audio", "document", "interactive", "location"]
SenderType = Literal["customer", "agent", "person", "system"]


@dataclass(frozen=True, slots=True)
class SenderIdentity:
    """The sender of a message, as one address on a channel.

    `verified` means that the channel has proof (a signed webhook, a signed session). `user_id` is the
    colleague behind an identity signed by the host page; it only counts when `verified`.
    """

    kind: PointKind
    value: str = field(repr=False)
    verified: bool = False
    display_name: str = field(default="", repr=False)
    user_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class InboundMedia:
    """One attached file that a provider holds for us.

    `source` is its URL or id there.
    """

    content_type: str
    source: str = field(repr=False)
    size: int = 0
    filename: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """A message as every channel delivers it.

    `external_id` is the provider's id of the message (unique per channel account), `client_id` the
    one the customer's own page made (unique per conversation); either makes a repeat harmless.
    Without `wants_answer` the message is stored and shown, but no agent answers it.
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


@dataclass(frozen=True, slots=True)
class OutboundMessage:
    """An outgoing message in clear, for transports only.

    `message_id` stays the same over all attempts: use it as the idempotency key where the
    provider accepts one.
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


class Transport(ABC):
    """Sends messages on one channel. Created for each message.

    Called outside any transaction.
    """

    instant: ClassVar[bool] = False
    """True when the stream event itself is the delivery (web chat): nothing is queued."""

    recipient_kinds: ClassVar[tuple[PointKind, ...]]
    """Kinds of contact points that this channel can send to, the preferred one first."""

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
