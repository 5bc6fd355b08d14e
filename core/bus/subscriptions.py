"""Who consumes which events."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

from core.bus import lag

Start = Literal["beginning", "now"]


class Event(NamedTuple):
    """An event as consumers get it; its payload has the published shape of its type and version."""

    id: UUID
    type: str
    version: int
    stream: str
    seq: int
    payload: dict[str, Any]
    created_at: datetime
    about: UUID | None


Receive = Callable[[Sequence[Event]], None]


@dataclass(frozen=True, slots=True)
class Shadow:
    """How a consumer is replayed beside itself: in the tenant's scope, each call in a transaction.

    `begin` empties the shadow and takes the moment from which events come; `receive` gets them; `swap` puts the
    shadow in the place of what the consumer has written since that moment. `swap` runs while the consumer itself is
    held, so both have then seen the same events.
    """

    begin: Callable[[datetime], None]
    receive: Receive
    swap: Callable[[datetime], None]


@dataclass(frozen=True, slots=True)
class Subscription:
    """One consumer."""

    name: str
    types: frozenset[str] | None
    receive: Receive
    start: Start
    shadow: Shadow | None
    batch: int


_subscriptions: dict[str, Subscription] = {}


def subscribe(
    name: str,
    types: Collection[str] | None,
    receive: Receive,
    *,
    start: Start = "beginning",
    shadow: Shadow | None = None,
    batch: int = 500,
) -> None:
    """Register a consumer of some types of events, or of all.

    `receive` is called with events in commit order, in the tenant's scope, inside the transaction that moves the
    cursor. An event with which it raises is tried again and then parked as a failed job, and the next ones follow.
    A consumer that is new in an installation starts with the oldest event that streams keep, or with the next one.
    Raises ValueError for a name that another one has.
    """
    wanted = None if types is None else frozenset(types)
    made = Subscription(name, wanted, receive, start, shadow, batch)
    if _subscriptions.get(name, made) != made:
        raise ValueError(f"a consumer {name!r} is already registered")
    _subscriptions[name] = made
    lag.register_gauge_of(name)


def unsubscribe(name: str) -> None:
    """Forget a consumer. For tests."""
    _subscriptions.pop(name, None)


def find(name: str) -> Subscription:
    """Return a consumer. Raises LookupError for an unknown one."""
    try:
        return _subscriptions[name]
    except KeyError:
        raise LookupError(f"there is no consumer {name!r}") from None


def subscriptions() -> list[Subscription]:
    """Return all consumers, in order of registration."""
    return list(_subscriptions.values())


def names() -> list[str]:
    """Return the names of all consumers."""
    return sorted(_subscriptions)
