"""A channel: what one vendor and medium offer, in one class from which every list of channels is filled."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Final

from channels_app.kit import diagnosis
from channels_app.kit.connect import Connect
from channels_app.kit.diagnosis import Diagnosis
from channels_app.webhooks import deliveries
from conversations import registry
from conversations.types import Medium, Transport
from core.errors import NotFound
from core.privacy.erasure.registry import Step, Table
from core.reach import channels as names
from core.registry import Registry
from integrations.media import FetchFailure, MediaFile

if TYPE_CHECKING:
    from channels_app.kit.health import Health
    from channels_app.kit.setup import SetupStep
    from channels_app.models import InboundDelivery
    from conversations.models import Attachment, ChannelAccount


@dataclass(frozen=True, slots=True)
class Without:
    """A part that a channel does not have, and why: one that is only left out is refused at start-up."""

    reason: str


@dataclass(frozen=True, slots=True)
class Door:
    """An address that a provider, an app or a page calls."""

    path: str
    view: Callable[..., Any]
    name: str


@dataclass(frozen=True, slots=True)
class Source:
    """What is stored of a channel before it is processed, under the name of its deliveries' provider."""

    name: str
    receive: deliveries.Handler
    """Processes one stored delivery in its tenant's scope; may run twice."""

    words: Callable[[InboundDelivery], Any] | None = None
    """What a stored delivery says, for the erasure of a person; None for a JSON document or a form."""

    is_large: bool = False
    """Bodies of megabytes, which are read one at a time."""

    is_held: bool = True
    """Waits while the channel is paused."""

    is_shared: bool = False
    """About many people at once, so that it is processed before it is emptied."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """The system check's warning about an active account whose requests nobody can verify."""

    id: str
    lacks: str
    hint: str


@dataclass(frozen=True, slots=True)
class Verify:
    """What proves that a request is the provider's."""

    proof: str
    """What a caller has to bring, as a person knows it."""

    secrets: Callable[[dict[str, Any] | None], object]
    """What an account's requests are compared with; an account for which it is empty takes none."""

    window: float | None = None
    """For how many seconds a signed request counts; None where a repeat is told by its id alone."""

    alarm: Alarm | None = None
    """What the system check says of an active account without secrets; None where there is no such account."""


class Channel(ABC):
    """One vendor and medium; each part is declared: itself, or `Without` the reason. `transport` names its `Medium`."""

    kind: ClassVar[str]
    provider: ClassVar[str]
    kind_label: ClassVar[str]
    """What people call its kind, in the same words as other channels of that kind, and so with the provider."""

    provider_label: ClassVar[str]
    transport: ClassVar[type[Transport] | Without]
    verify: ClassVar[Verify | Without]
    connect: ClassVar[type[Connect[Any]] | Without]
    diagnosis: ClassVar[type[Diagnosis] | Without]
    doors: ClassVar[tuple[Door, ...] | Without]
    sources: ClassVar[tuple[Source, ...] | Without]
    codes: ClassVar[Mapping[str, object] | Without]
    """The vendor's codes that its client knows, and ours about calls without an answer: each needs words."""

    page: ClassVar[str]
    """The dotted name of its `ChannelPage`, which only processes that show pages load."""

    tables: ClassVar[tuple[Table, ...]] = ()
    """Tables of its own with personal data, and what stays of them after an erasure."""

    erase: ClassVar[tuple[Step, ...]] = ()
    """Steps of an erasure beyond what was stored of its webhooks, which the kit empties."""

    @classmethod
    def setup(cls, account: ChannelAccount, health: Health, *, may_change: bool) -> list[SetupStep]:  # noqa: ARG003
        """Return the steps of its guided set-up in order; what proves a caller is for those who may change it."""
        return []

    @classmethod
    def fetch_file(cls, attachment: Attachment) -> MediaFile | FetchFailure:  # noqa: ARG003  (for subclasses)
        """Return a file that a customer sent, or why there is none; outside call."""
        return FetchFailure("gone", permanent=True)


_channels: Final[Registry[Channel]] = Registry(Channel, name="channel")
PARTS: Final[Mapping[str, type]] = {
    "kind": str,
    "provider": str,
    "kind_label": str,
    "provider_label": str,
    "transport": Transport,
    "medium": Medium,
    "addresses": tuple,
    "verify": Verify,
    "connect": Connect,
    "diagnosis": Diagnosis,
    "doors": tuple,
    "sources": tuple,
    "codes": Mapping,
    "page": str,
}
"""What every channel declares, by name."""


def register(channel: type[Channel]) -> None:
    """Add a channel to all lists; safe to repeat. Raises ValueError when its kind and provider have another one."""
    kind, provider = getattr(channel, "kind", ""), getattr(channel, "provider", "")
    _channels.register(f"{kind}/{provider}", channel)
    transport = getattr(channel, "transport", None)
    labels = [getattr(channel, f"{name}_label", "") for name in ("kind", "provider")]
    names.register((kind, labels[0]), (provider, labels[1]), is_written_to=not isinstance(transport, Without))
    if isinstance(transport, type) and issubclass(transport, Transport):
        registry.register_transport(kind, provider, transport)
    found = getattr(channel, "diagnosis", None)
    if isinstance(found, type) and issubclass(found, Diagnosis):
        diagnosis.register(provider, found())
    for source in sources_of(channel):
        deliveries.register_handler(source.name, source.receive, is_large=source.is_large, is_held=source.is_held)


def channels() -> list[type[Channel]]:
    """Return every channel, in the order of kind and provider."""
    return [channel for _, channel in _channels.items()]


def channel_for(kind: str, provider: str) -> type[Channel] | None:
    """Return the channel of a pair, or None."""
    try:
        return _channels.get(f"{kind}/{provider}")
    except NotFound:
        return None


def channel_of(account: ChannelAccount) -> type[Channel] | None:
    """Return the channel of an account, or None where nobody registered its pair."""
    return channel_for(account.kind, account.provider)


def sources_of(channel: type[Channel]) -> tuple[Source, ...]:
    """Return what is stored of a channel."""
    found = getattr(channel, "sources", ())
    return found if isinstance(found, tuple) else ()


def source_of(name: str) -> Source | None:
    """Return what is stored under a provider's name, or None."""
    return next((source for channel in channels() for source in sources_of(channel) if source.name == name), None)


def doors_of(channel: type[Channel]) -> tuple[Door, ...]:
    """Return the addresses of a channel."""
    found = getattr(channel, "doors", ())
    return found if isinstance(found, tuple) else ()


def missing_parts(channel: type[Channel]) -> list[str]:
    """Return the names of the parts that a channel neither declares nor says to be without, with a reason."""
    transport = getattr(channel, "transport", None)
    medium = transport if isinstance(transport, Without) else getattr(transport, "medium", None)
    addresses = medium if isinstance(medium, Without) else getattr(medium, "recipient_kinds", None)
    derived = {"medium": medium, "addresses": addresses}
    lacking = [
        name
        for name, base in PARTS.items()
        if not _is_declared(derived[name] if name in derived else getattr(channel, name, None), base)
    ]
    return [*lacking, *sorted(getattr(channel, "__abstractmethods__", ()))]


def _is_declared(part: object, base: type) -> bool:
    if isinstance(part, Without):
        return bool(part.reason.strip())
    if isinstance(part, type):
        return issubclass(part, base) and not getattr(part, "__abstractmethods__", None)
    return isinstance(part, base) and bool(part)


@cache
def plain_paths() -> tuple[str, ...]:
    """Return the beginnings of all addresses that only providers call, with a signature and without a session."""
    signed = [channel for channel in channels() if isinstance(getattr(channel, "verify", None), Verify)]
    quick = [channel for channel in signed if not any(source.is_large for source in sources_of(channel))]
    return tuple(f"/{door.path.partition('<')[0]}" for channel in quick for door in doors_of(channel))
