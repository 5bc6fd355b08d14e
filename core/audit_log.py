"""Reading the audit chain, newest entry first."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from core import audit
from core.actors import Actor
from core.keyset import PAGE, Page, page_of
from core.models import AuditEntry

VIEW = "core.view_auditentry"


@dataclass(frozen=True, slots=True)
class EntryFilters:
    """What the list is narrowed to; empty values narrow nothing."""

    action: str = ""
    object_type: str = ""
    object_id: UUID | None = None
    user_id: UUID | None = None


def list_entries(
    *, viewer: Actor, filters: EntryFilters | None = None, cursor: str = "", limit: int = PAGE
) -> Page[AuditEntry]:
    """Return a page of the tenant's entries. Needs `core.view_auditentry`; raises `Invalid`. One query."""
    viewer.require(VIEW)
    wanted = filters or EntryFilters()
    columns = {
        "action": wanted.action,
        "object_type": wanted.object_type,
        "object_id": wanted.object_id,
        "actor_user_id": wanted.user_id,
    }
    rows = AuditEntry.objects.filter(**{name: value for name, value in columns.items() if value})
    return page_of(rows, cursor=cursor, limit=limit, key="seq")


def verify(*, viewer: Actor) -> audit.Verdict:
    """Walk the tenant's chain. Needs `core.view_auditentry`. Reads every entry."""
    viewer.require(VIEW)
    return audit.verify()
