"""Whether a kill switch covers a request, and the lock that orders switches and claims."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from django.db import connection
from django.db.models import Q

from core.scope import current_tenant_id
from hitl.models import Approval, GlobalKillSwitch, KillSwitch

_SPACE: Final = 0x68_69_74_6C
_GLOBAL: Final = 0


def thrown() -> list[tuple[str, str]]:
    """Return (scope, target) of every thrown switch that may cover requests of the tenant."""
    if GlobalKillSwitch.objects.filter(released_at=None).exists():
        return [("tenant", "")]
    rows = KillSwitch.objects.filter(released_at=None)
    return list(rows.values_list("scope", "target"))


def is_covered(approval: Approval, switches: Iterable[tuple[str, str]]) -> bool:
    """Tell whether one of the switches covers the approval."""
    mine = {("tenant", ""), ("kind", approval.kind), ("agent", str(approval.agent_id))}
    return not mine.isdisjoint(switches)


def covering(*, kind: str, agent_id: UUID | None) -> str:
    """Return the reason of a thrown switch that covers the request, or the empty string."""
    everywhere = GlobalKillSwitch.objects.filter(released_at=None)
    reason = everywhere.values_list("reason", flat=True).first()
    if reason is None:
        own = Q(scope="tenant") | Q(scope="kind", target=kind)
        if agent_id is not None:
            own |= Q(scope="agent", target=str(agent_id))
        thrown = KillSwitch.objects.filter(own, released_at=None)
        reason = thrown.values_list("reason", flat=True).first()
    return "" if reason is None else reason or "paused"


def covers(approval: Approval) -> bool:
    """Tell whether a thrown switch covers the approval."""
    return bool(covering(kind=approval.kind, agent_id=approval.agent_id))


def share() -> None:
    """Keep switches from being thrown until this transaction ends; claims run side by side."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select pg_advisory_xact_lock_shared(%s, %s), pg_advisory_xact_lock_shared(%s, %s)",
            [_SPACE, _GLOBAL, _SPACE, _tenant_key()],
        )


def seize(*, everywhere: bool = False) -> None:
    """Wait for running claims and keep new ones out until this transaction ends."""
    key = _GLOBAL if everywhere else _tenant_key()
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s, %s)", [_SPACE, key])


def _tenant_key() -> int:
    return int.from_bytes(current_tenant_id().bytes[-4:], "big", signed=True)
