"""Which systems kept somebody waiting who asks several things in a row: they aren't called again for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final
from uuid import UUID

from integrations.calls.answers import Answer, CleanFailure, Ok
from integrations.models import ProviderAccount

TIMED_OUT: Final = "timed_out"
LONG: Final = 2.0
"""A failure after more seconds than these counts as a time-out; a refusal is an answer, also a late one."""
_slow: ContextVar[set[UUID] | None] = ContextVar("slow_connections", default=None)


@contextmanager
def wait_once_each() -> Iterator[None]:
    """Call no system again, within, that let a call time out: it costs its time-out once. For a turn of an agent."""
    token = _slow.set(set())
    try:
        yield
    finally:
        _slow.reset(token)


def find_wait(connection: ProviderAccount) -> CleanFailure | None:
    """Return why a system isn't called again; None if it may be."""
    if connection.pk not in (_slow.get() or ()):
        return None
    detail = f"{connection.name} didn't answer a moment ago, so it wasn't asked again."
    return CleanFailure(TIMED_OUT, detail, retry=True, was_called=False)


def note_wait(connection: ProviderAccount, answer: Answer[Any], seconds: float) -> None:
    """Note a call that ended without an answer of its system after so many seconds. For the runner."""
    slow = _slow.get()
    if slow is None or isinstance(answer, Ok) or (isinstance(answer, CleanFailure) and not answer.retry):
        return
    if answer.code == TIMED_OUT or seconds > LONG:
        slow.add(connection.pk)
