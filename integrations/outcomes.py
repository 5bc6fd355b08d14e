"""How sending a message through a provider ended: it has it, it certainly does not, or nobody knows."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from core.errors import Unavailable
from core.http import NoAnswer, NotSent
from core.reliability.circuit_breaker import Breaker

T = TypeVar("T")
PAUSE: Final = 30
"""Seconds to wait while too many calls failed lately."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The provider has the message, under its own id."""

    message_id: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The provider certainly does not have it; `text` and `status` are its own words and HTTP status."""

    code: str
    permanent: bool
    retry_after: int | None = None
    text: str = field(default="", repr=False, compare=False)
    status: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Unknown:
    """The provider may have it: ask, or wait for its report, before it is sent again."""

    code: str
    status: int | None = field(default=None, compare=False)


def unanswered(lost: NotSent | NoAnswer) -> Failed | Unknown:
    """Return how a call ended that has no answer."""
    return Failed(lost.code, permanent=not lost.retry) if isinstance(lost, NotSent) else Unknown(lost.code)


def guarded(breaker: Breaker, call: Callable[[], T]) -> T | Failed:
    """Make a call unless too many failed lately; a permanent failure is not the provider's fault."""
    try:
        breaker.allow()
    except Unavailable as closed:
        return Failed(closed.code, permanent=False, retry_after=PAUSE)
    outcome = call()
    is_fault = isinstance(outcome, Unknown) or (isinstance(outcome, Failed) and not outcome.permanent)
    (breaker.failed if is_fault else breaker.succeeded)()
    return outcome
