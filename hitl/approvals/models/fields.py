"""The state column, which only `hitl.approvals.state.transitions` may write."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import models

_machine_writes: ContextVar[bool] = ContextVar("machine_writes", default=False)


class StateGuarded(RuntimeError):
    """Code outside `hitl.approvals.state.transitions` tried to write the state of an approval."""


@contextmanager
def machine_writes() -> Iterator[None]:
    """Allow writes to the state column; for `hitl.approvals.state.transitions` only."""
    token = _machine_writes.set(True)
    try:
        yield
    finally:
        _machine_writes.reset(token)


class StateField(models.CharField[str, str]):
    """A state that `save`, `create` and `update` refuse to write outside transitions."""

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        """Refuse unless a transition is writing."""
        if not _machine_writes.get():
            raise StateGuarded("the state of an approval is written by hitl.approvals.state.transitions alone")
        return super().get_db_prep_save(value, connection)
