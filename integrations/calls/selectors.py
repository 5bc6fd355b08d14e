"""Read the record of calls over connections, and note which are made by something."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import QuerySet

from core.actors import Actor
from integrations.calls.rights import VIEW
from integrations.calls.waits import TIMED_OUT, wait_once_each
from integrations.models import ProviderCall

__all__ = ["TIMED_OUT", "Noted", "add_call", "list_calls", "note_calls", "wait_once_each"]


@dataclass
class Noted:
    """What was called: operations in their order, each once, and over which connection last; None for no call."""

    operations: list[str] = field(default_factory=list)
    connection_id: UUID | None = None

    def add(self, operation: str, connection_id: UUID) -> None:
        """Add a call."""
        self.connection_id = connection_id
        if operation not in self.operations:
            self.operations.append(operation)


_noted: ContextVar[Noted | None] = ContextVar("noted_calls", default=None)


@contextmanager
def note_calls(noted: Noted) -> Iterator[None]:
    """Note the calls over connections that are made within."""
    token = _noted.set(noted)
    try:
        yield
    finally:
        _noted.reset(token)


def add_call(operation: str, connection_id: UUID) -> None:
    """Add a call to what is being noted, if anything is. For the runner."""
    noted = _noted.get()
    if noted is not None:
        noted.add(operation, connection_id)


def list_calls(*, viewer: Actor) -> QuerySet[ProviderCall]:
    """Return the calls of the last 30 days with their connections. Needs `integrations.view_connection`."""
    viewer.require(VIEW)
    return ProviderCall.objects.select_related("connection").defer("connection__credentials")
