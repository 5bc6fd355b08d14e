"""One worker at a time for a turn of a trial: claim with a lease and a fence, renew, put back what a worker left."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import F, Q

from agents.studio.trials.calls import Step
from agents.studio.trials.models import LOST, TrialTurn
from core.clock import now as clock_now
from core.reliability import lease
from core.tenancy.scope import platform_scope

LEASE: Final = timedelta(seconds=75)
"""A whole answer has 40 seconds; each step renews it."""
QUEUED_FOR: Final = timedelta(seconds=30)
"""For so long the sweep trusts that a turn is in a queue."""
MOST_ATTEMPTS: Final = 3
State = TrialTurn.State


def claim(turn_id: UUID, *, now: datetime | None = None) -> TrialTurn | None:
    """Claim a turn that waits; None if another worker has it or it is answered."""
    rows = TrialTurn.objects.select_related("trial__version__agent", "trial__person").filter(pk=turn_id)
    waits = Q(state=State.WAITING)  # whose lease is the queue's
    return lease.claim(
        rows, LEASE, where=waits, queued=waits, now=now, state=State.ANSWERING, attempts=F("attempts") + 1, steps=[]
    )


def write(turn: TrialTurn, **fields: Any) -> bool:
    """Write to a claimed turn; False when another worker has it now, or may have it."""
    return bool(lease.held(turn).filter(state=State.ANSWERING).update(**fields))


def note_steps(turn: TrialTurn, steps: Sequence[Step]) -> None:
    """Show the steps so far on the page, and renew the lease."""
    write(turn, steps=[asdict(step) for step in steps], lease_until=clock_now() + LEASE)


def leave_to_sweep(turn_id: UUID) -> None:
    """Let the next sweep queue a turn again that found no place among the model workers."""
    TrialTurn.objects.filter(pk=turn_id, state=State.WAITING).update(lease_until=clock_now())


def put_back(*, now: datetime | None = None) -> list[tuple[UUID, UUID, str, str]]:
    """Let turns that no worker has wait again, and return them: tenant, turn, and the version's model and flow.

    One that was claimed three times is answered with the error `lost`. For the sweep; enters the platform scope
    itself.
    """
    moment = now or clock_now()
    with platform_scope():
        left = TrialTurn.objects.exclude(state=State.ANSWERED).filter(lease.free(moment))
        facts = ("tenant_id", "pk", "trial__version__model", "trial__version__flow", "attempts")
        due = list(left.order_by("lease_until").values_list(*facts)[:100])
        if not due:
            return []
        ended = [row[1] for row in due if row[4] >= MOST_ATTEMPTS]
        left.filter(pk__in=ended).update(state=State.ANSWERED, error_code=LOST, lease_until=None)
        # A lease that no worker has needs a fence that no worker knows.
        again = {"state": State.WAITING, "lease_until": moment + QUEUED_FOR, "fence": F("fence") + 1}
        left.filter(pk__in=[row[1] for row in due]).update(**again)
    return [row[:4] for row in due if row[4] < MOST_ATTEMPTS]
