"""The record of calls: each waits in Redis until a sweep writes its row, so that no turn or vote pays a statement."""

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby, islice
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.core.cache import cache
from django.db.models import Q
from redis.exceptions import RedisError

from core import retention
from core.clock import now as clock_now
from core.ids import uuid7
from core.observability.logging import get_logger
from core.tenancy.scope import tenant_scope
from integrations.calls.operations import Line, Operation
from integrations.models import ProviderAccount, ProviderCall

log = get_logger(__name__)
WAITING: Final = "provider_calls"
BATCH: Final = 1000
LOST_AFTER: Final = 120.0
"""Seconds after a call's start; no operation takes as long, so its process has died."""


@dataclass
class Record:
    """A call that is being made."""

    line: Line
    operation: Operation
    attempt: int
    key: str
    id: UUID = field(default_factory=uuid7)
    _began: float = field(default_factory=time.monotonic)
    _at: float = field(default_factory=lambda: clock_now().timestamp())

    def begin(self) -> None:
        """Note that the call is made now: if the process dies meanwhile, the sweep writes it as interrupted."""
        self._put({})

    def end(self, outcome: ProviderCall.Outcome, status: int | None) -> None:
        """Note how the call ended."""
        self._put(
            {
                "outcome": outcome.value,
                "status": status,
                "milliseconds": round((time.monotonic() - self._began) * 1000),
            }
        )

    def _put(self, ended: dict[str, Any]) -> None:
        row = {
            "tenant": self.line.connection.tenant_id.hex,
            "connection": self.line.connection.pk.hex,
            "operation": self.operation.key,
            "attempt": self.attempt,
            "key": self.key,
            "at": self._at,
            **ended,
        }
        try:
            _redis().hset(_name(), self.id.hex, json.dumps(row))
        except (RedisError, OSError):
            # The call is made: its caller must hear how it ended.
            log.warning("provider_call_not_recorded", operation=self.operation.key)


def write_rows(*, now: datetime | None = None) -> int:
    """Write the rows of calls that have ended, or whose process died; return how many. For the sweep.

    Two sweeps at once write a row once, and a row is taken out of Redis only after it was written.
    """
    moment = (now or clock_now()).timestamp()
    written = 0
    while ready := list(islice(finished(moment), BATCH)):
        ready.sort(key=lambda each: each[1]["tenant"])
        for tenant, found in groupby(ready, key=lambda each: each[1]["tenant"]):
            written += _write(UUID(tenant), list(found))
        _redis().hdel(_name(), *(call_id for call_id, _ in ready))
    return written


def finished(moment: float) -> Iterable[tuple[bytes, dict[str, Any]]]:
    """Yield the waiting calls that have ended by a moment, and those whose process died, with their ids."""
    for call_id, text in _redis().hscan_iter(_name(), count=BATCH):
        row = json.loads(text)
        if "outcome" in row:
            yield call_id, row
        elif moment - row["at"] > LOST_AFTER:
            yield call_id, {**row, "outcome": ProviderCall.Outcome.LOST.value, "status": None, "milliseconds": None}


def _write(tenant_id: UUID, found: list[tuple[bytes, dict[str, Any]]]) -> int:
    with tenant_scope(tenant_id):
        there = {row["connection"] for _, row in found}
        kept = set(ProviderAccount.objects.filter(pk__in=there).values_list("pk", flat=True))
        rows = [
            ProviderCall(
                pk=UUID(call_id.decode()),
                connection_id=UUID(row["connection"]),
                operation=row["operation"],
                called_at=datetime.fromtimestamp(row["at"], tz=UTC),
                milliseconds=row["milliseconds"],
                status=row["status"],
                outcome=row["outcome"],
                attempt=row["attempt"],
                idempotency_key=row["key"],
            )
            for call_id, row in found
            if UUID(row["connection"]) in kept
        ]
        ProviderCall.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def forget_old(*, now: datetime | None = None) -> int:
    """Delete rows older than `PROVIDER_CALLS_DAYS`; return how many. For the sweep."""
    before = (now or clock_now()) - timedelta(days=settings.PROVIDER_CALLS_DAYS)
    return retention.remove(ProviderCall, retention.made_before(before) & Q(called_at__lt=before))


def _redis() -> Any:
    shared: Any = cache
    return shared._cache.get_client(None, write=True)


def _name() -> str:
    return cache.make_key(WAITING)
