"""Park executions and probes that failed outside an adapter, and retry them at growing intervals."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction

from core.clock import now as clock_now
from core.jobs import dead_letters
from core.models import DeadLetter
from hitl.approvals.state import timers
from hitl.domain.state_machine import State
from hitl.models import Approval

PARKED_AS: Final = "hitl.execution"
FIRST_PAUSE: Final = timedelta(minutes=5)
MOST_DOUBLED: Final = 6
_TIMERS: Final = {
    State.APPROVED.value: timers.Kind.EXECUTE.value,
    State.EXECUTING.value: timers.Kind.LEASE.value,
    State.UNKNOWN.value: timers.Kind.UNKNOWN.value,
}


def park_broken(*, approval_id: UUID, error: Exception, now: datetime | None = None) -> DeadLetter:
    """Park an execution or probe that failed.

    It is tried again after 5 minutes, then 10, 20 and so on. For the system's tasks only. Nothing of the failed
    attempt was committed; its state tells what may have happened outside before. Announces nothing.
    """
    moment = now or clock_now()
    letter = dead_letters.park(kind=PARKED_AS, ref=approval_id, error=type(error).__name__, now=moment)
    _set_timer(approval_id, moment + FIRST_PAUSE * 2 ** min(letter.times - 1, MOST_DOUBLED))
    return letter


def run_again(approval_id: UUID) -> None:
    """Let the next sweep continue with an approval at once; to retry its failed job."""
    _set_timer(approval_id, clock_now())


def _set_timer(approval_id: UUID, due: datetime) -> None:
    with transaction.atomic():
        approval: Approval | None = Approval.objects.select_for_update().filter(pk=approval_id).first()
        kind = _TIMERS.get(approval.state) if approval else None
        if approval is not None and kind is not None:
            timers.set_timers(approval, {kind: due})
