"""Reading the audit chain."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet

from core.actors import Actor
from core.audit import chain
from core.models import AuditEntry

VIEW = "core.view_auditentry"


@dataclass(frozen=True, slots=True)
class EntryFilters:
    """What the list is narrowed to; empty values narrow nothing."""

    action: str = ""
    object_type: str = ""
    object_id: UUID | None = None
    user_id: UUID | None = None


def query_entries(*, viewer: Actor, filters: EntryFilters | None = None) -> QuerySet[AuditEntry]:
    """Return the tenant's entries; `seq` is their order. Needs `core.view_auditentry`."""
    viewer.require(VIEW)
    wanted = filters or EntryFilters()
    columns = {
        "action": wanted.action,
        "object_type": wanted.object_type,
        "object_id": wanted.object_id,
        "actor_user_id": wanted.user_id,
    }
    rows: QuerySet[AuditEntry] = AuditEntry.objects.filter(**{name: value for name, value in columns.items() if value})
    return rows


def verify(*, viewer: Actor) -> chain.Verdict:
    """Walk the tenant's chain. Needs `core.view_auditentry`. Reads every entry."""
    viewer.require(VIEW)
    return chain.verify()
