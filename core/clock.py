"""The one source of the current time, so that tests and the demo's history can set it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

_set_moment: ContextVar[datetime | None] = ContextVar("walker_moment", default=None)


def now() -> datetime:
    """Return the current moment, aware, in UTC."""
    return _set_moment.get() or datetime.now(UTC)


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Make `now()` answer the given moment inside the block, in this context only."""
    token = _set_moment.set(moment.astimezone(UTC))
    try:
        yield
    finally:
        _set_moment.reset(token)
