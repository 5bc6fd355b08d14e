"""Who shaped the rules: for their own requests no rule stands in for a signature."""

from __future__ import annotations

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
)


def have_shaped_rules(people: Collection[UUID]) -> bool:
    """Tell whether any of the people ever changed a workflow or how risks are weighed here. One query.

    Retiring counts as well: a lenient workflow governs what a strict one governed before.
    """
    if not people:
        return False
    return bool(AuditEntry.objects.filter(action__in=SHAPING, actor_user_id__in=people).exists())
