"""Similar past decisions on an approval's page, and how many were approved."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.urls import reverse
from django.utils.safestring import SafeString

from console.names import name_in
from core.actors import Actor
from hitl.display import state_chip
from hitl.domain.state_machine import State
from hitl.masking import mask_for
from hitl.models import Approval

SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class PastDecision:
    """One past decision: the request, its outcome, who decided it and when."""

    reference: str
    url: str
    summary: str
    outcome: SafeString
    who: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class PastDecisions:
    """The newest past decisions, and a line of sums over all that were found."""

    says: str
    rows: tuple[PastDecision, ...]


def past_decisions(found: Sequence[Approval], names: dict[UUID, str], viewer: Actor) -> PastDecisions | None:
    """Return similar past decisions as a page shows them; None if there are none."""
    if not found:
        return None
    approved = sum(row.state != State.REJECTED for row in found)
    failed = sum(row.state == State.FAILED for row in found)
    if len(found) == 1:
        says = f"The last request like this was {'approved' if approved else 'rejected'}."
    else:
        says = f"{approved} of the last {len(found)} requests like this were approved."
    if failed:
        says += f" {failed} of them failed when executed."
    rows = tuple(
        PastDecision(
            row.reference,
            reverse("admin:hitl_approval_change", args=[row.pk]),
            mask_for(viewer, row, row.summary),
            state_chip(row.state),
            f"{'Rejected' if row.state == State.REJECTED else 'Approved'} by {name_in(names, row.decided_by_id)}",
            row.decided_at,
        )
        for row in found[:SHOWN]
    )
    return PastDecisions(says, rows)
