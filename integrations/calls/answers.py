"""How a call ended, as data: done, surely without effect, or nobody knows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Ok(Generic[T]):
    """The call was answered; `replayed` if an idempotency key returned an earlier answer.

    `read_at` is set where the system did not answer now: the value is the last one, and was read then.
    """

    value: T
    replayed: bool = False
    read_at: datetime | None = None


@dataclass(frozen=True)
class CleanFailure:
    """The call provably changed nothing. `retry` says that it may be repeated, after `retry_after` seconds.

    `was_called` is False where no call was made at all, as calls are paused or the time or quota was used up.
    """

    code: str
    detail: str
    retry: bool = False
    retry_after: float | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    was_called: bool = True


@dataclass(frozen=True)
class Unknown:
    """The call may have taken effect: its answer was lost or unreadable."""

    code: str
    detail: str


Answer = Ok[T] | CleanFailure | Unknown
