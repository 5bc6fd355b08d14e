"""Who changed the rules: their own requests are never approved automatically."""

from collections.abc import Collection
from typing import Final
from uuid import UUID

from core.models import AuditEntry

SHAPING: Final = (
    "WORKFLOW_CREATED",
    "WORKFLOW_REVISED",
    "WORKFLOW_RETIRED",
    "WORKFLOW_RESTORED",
    "RISK_POLICY_SET",
    "TENANT_ZONE_CHANGED",
)


def have_shaped_rules(people: Collection[UUID]) -> bool:
    """Return True if one of these people ever changed a workflow, risk scoring or the time zone.

    One query. Retiring counts as well: a lenient workflow may then cover what a strict one covered. So does the time
    zone, as conditions look at the hour.
    """
    if not people:
        return False
    return bool(AuditEntry.objects.filter(action__in=SHAPING, actor_user_id__in=people).exists())
