"""Read where the audit log goes, and how much each destination still has to get."""

from typing import Any
from uuid import UUID

from django.db.models import F, Min, OuterRef, QuerySet, Subquery

from core.actors import Actor
from core.audit.selectors import VIEW
from core.clock import now as clock_now
from core.db.rows import get_or_missing
from core.models import AuditEntry, AuditHead
from integrations.siem.models import AuditDestination

MISSING = "This destination doesn't exist."


def with_backlog() -> QuerySet[AuditDestination]:
    """Return the destinations of the tenant in scope: `behind` entries, the oldest of them made at `waits_since`."""
    head = AuditHead.objects.values("seq")[:1]
    unsent = AuditEntry.objects.filter(seq__gt=OuterRef("sent_seq")).order_by("seq").values("at")[:1]
    rows: QuerySet[Any] = AuditDestination.objects.annotate(
        behind=Subquery(head) - F("sent_seq"), waits_since=Subquery(unsent)
    )
    return rows


def list_destinations(*, viewer: Actor) -> QuerySet[AuditDestination]:
    """Return the organisation's destinations, as `with_backlog` does. Needs `core.view_auditentry`."""
    viewer.require(VIEW)
    return with_backlog()


def get_destination(*, viewer: Actor, destination_id: UUID) -> AuditDestination:
    """Return a destination, as `with_backlog` does. Needs `core.view_auditentry`; raises `NotFound`."""
    return get_or_missing(list_destinations(viewer=viewer).filter(pk=destination_id), MISSING)


def lag() -> float:
    """Return for how many seconds the oldest entry has waited, 0 without one.

    For the tenant in scope. One query. Paused destinations don't count. One that can't go on, although nothing
    waits, counts from its first failure.
    """
    rows = with_backlog().filter(paused_at=None)
    found = rows.aggregate(entry=Min("waits_since"), failure=Min("failing_since"))
    oldest = min((moment for moment in found.values() if moment), default=None)
    return max(0.0, (clock_now() - oldest).total_seconds()) if oldest else 0.0
