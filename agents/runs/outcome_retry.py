"""Runs that cannot say what they have to: outcomes are tried again, at last in plain words; then a person."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db import transaction

from agents.models import AgentRun
from agents.runs import outcomes
from conversations import services as conversations
from core.actors import system
from core.clock import now
from core.errors import NotFound, WalkerError
from core.jobs import dead_letters
from core.observability.logging import get_logger

log = get_logger(__name__)
KIND: Final = "agents.agentrun"
NOT_TOLD: Final = "not_told"
LOST: Final = "worker_lost"
PAUSES: Final = (5, 30, 120, 600)
TRIES: Final = len(PAUSES) + 1
# From this try on the outcome is told in the plainest words: whatever its details hold cannot stop them.
PLAIN_FROM: Final = 3
State = AgentRun.State


def tell(run: AgentRun) -> None:
    """Tell the outcome of a claimed run; one that fails, or kills its worker, is put off and at last parked."""
    if run.fence > TRIES:
        give_up(run, LOST)
        return
    try:
        outcomes.tell(run, plainly=run.fence >= PLAIN_FROM)
    except Exception as problem:
        # The task's boundary: the run is tried again, then parked; it never holds up its conversation.
        log.exception("outcome_not_told", run=str(run.pk), tries=run.fence)
        if run.fence < TRIES:
            held = AgentRun.objects.filter(pk=run.pk, fence=run.fence, state=State.RUNNING)
            held.update(state=State.QUEUED, lease_until=now() + timedelta(seconds=PAUSES[run.fence - 1]))
        else:
            give_up(run, type(problem).__name__)


def give_up(run: AgentRun, error: str) -> None:
    """Park a claimed run that nothing can be said in, and have a person look after who waits for it."""
    held = AgentRun.objects.filter(pk=run.pk, fence=run.fence, state=State.RUNNING)
    ended = {"state": State.FAILED, "error_code": NOT_TOLD, "lease_until": None, "finished_at": now()}
    with transaction.atomic():
        if not held.update(**ended):
            return
        dead_letters.park(kind=KIND, ref=run.pk, error=error)
    try:
        conversations.hand_off(actor=system("agents"), conversation_id=run.conversation_id, reason=NOT_TOLD)
    except WalkerError as problem:
        # Closed meanwhile: the parked run is what is left to see.
        log.warning("outcome_not_handed_over", run=str(run.pk), code=problem.code)


def replay(run_id: UUID) -> None:
    """Queue a parked run again, with all its tries; raises `NotFound`. The sweep finds it."""
    parked = AgentRun.objects.filter(pk=run_id, state=State.FAILED, error_code=NOT_TOLD)
    # The fence begins anew: what is said and the end of its run are one transaction, so nobody older can say it twice.
    fresh = {"state": State.QUEUED, "error_code": "", "fence": 0, "lease_until": now(), "finished_at": None}
    if not parked.update(**fresh):
        raise NotFound("This run is not among those that failed.")
