"""The only source of the current time, so that tests and the demo can set it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import cache
from zoneinfo import available_timezones

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


@cache
def zones() -> tuple[str, ...]:
    """Return the names of the time zones that people can choose, in order, without aliases."""
    named = (name for name in available_timezones() if "/" in name or name == "UTC")
    return tuple(sorted(name for name in named if not name.startswith(("Etc/", "SystemV/", "posix/", "right/"))))
