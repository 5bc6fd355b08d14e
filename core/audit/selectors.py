"""Read the audit log."""

from django.db.models import QuerySet

from core.actors import Actor
from core.audit import chain
from core.models import AuditEntry

VIEW = "core.view_auditentry"


def query_entries(*, viewer: Actor) -> QuerySet[AuditEntry]:
    """Return the tenant's entries; `seq` is their order. Needs `core.view_auditentry`."""
    viewer.require(VIEW)
    return AuditEntry.objects.all()


def verify(*, viewer: Actor) -> chain.Verdict:
    """Verify the tenant's chain; reads every entry. Needs `core.view_auditentry`."""
    viewer.require(VIEW)
    return chain.verify()
