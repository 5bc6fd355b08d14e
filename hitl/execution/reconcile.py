"""Resolve effects with an unknown outcome: ask the target system, or let a person decide."""

from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from accounts.selectors import roster
from core.actors import Actor
from core.clock import now as clock_now
from core.errors import Conflict, Invalid
from core.observability.logging import get_logger
from hitl.actions.base import Outcome
from hitl.actions.outcomes import check_outcome
from hitl.approvals.decide.rights import check_digest, refuse_lost_role, refuse_without_right
from hitl.approvals.state import timers, transitions
from hitl.approvals.state.conflicts import too_late, winner
from hitl.approvals.state.context import DecisionContext
from hitl.approvals.state.votes import add_remark
from hitl.domain.permissions import RESOLVE
from hitl.domain.state_machine import Event, State, may
from hitl.execution import observation
from hitl.execution.claim import EXECUTOR, backoff
from hitl.execution.execute import retry_timers, store_outcome, succeed
from hitl.models import Approval, Execution

log = get_logger(__name__)
LONGEST_WAIT: Final = 9
"""The exponent at which the wait between two probes stops growing."""


def probe(approval_id: UUID, *, now: datetime | None = None) -> Approval:
    """Ask the target system for an unknown outcome; return the approval.

    For the system only. Announces approval_closed and action_finished when it had happened.
    """
    approval = transitions.read(approval_id)
    if approval.state != State.UNKNOWN:
        return approval
    return _probe(approval, EXECUTOR, "", now or clock_now())


def probe_now(
    *, actor: Actor, approval_id: UUID, digest: str = "", reason: str = "", now: datetime | None = None
) -> Approval:
    """Ask the target system now; the outcome stays unknown if it can't tell.

    Who may: holders of `hitl.resolve_approval`. Raises Refused, NotFound, Conflict. Makes an outside
    call before the transaction. Announces approval_closed and action_finished when it had happened.
    """
    actor.require(RESOLVE)
    approval = transitions.read(approval_id)
    if approval.state != State.UNKNOWN:
        raise too_late(approval, actor)
    if digest:
        check_digest(approval, actor, digest)
    return _probe(approval, actor, reason, now or clock_now())


def _probe(approval: Approval, actor: Actor, reason: str, moment: datetime) -> Approval:
    asked = Execution.objects.get(approval=approval, revision=approval.revision)
    outcome = _ask_outside(approval, asked)
    with transitions.unit_of_work(moment) as work:
        locked = work.lock(approval.pk)
        if actor.user_id is not None:  # a person may have lost the right while the target system was asked
            refuse_lost_role(roster(), actor, RESOLVE)
        execution = Execution.objects.select_for_update().get(pk=asked.pk)
        if locked.version != approval.version or execution.fence != asked.fence:
            # The answer is about an earlier attempt; it says nothing about what was done since.
            log.info("late_answer_ignored", approval=str(approval.pk))
            return locked
        if outcome is None or outcome.kind == "unknown":
            timer = locked.timers.filter(kind=timers.Kind.UNKNOWN).first()
            attempts = timer.attempts if timer else 1
            wait = backoff(min(attempts + 3, LONGEST_WAIT))
            timers.set_timers(locked, {timers.Kind.UNKNOWN: work.moment + wait})
            return locked
        if actor.user_id is not None:
            add_remark(locked, actor, "probe", reason, moment)
        if outcome.kind == "succeeded":
            succeed(work, locked, execution, outcome, Event.PROBE, actor)
        else:
            store_outcome(execution, outcome, lease_until=None)
            due = retry_timers(locked, moment)
            work.apply(locked, Event.PROBE, actor=actor, to=State.APPROVED, timers=due)
    return locked


def _ask_outside(approval: Approval, execution: Execution) -> Outcome | None:
    observed = observation.observe_again(approval)
    if observed.kind is None or observed.params is None:
        return None
    try:
        outcome = observed.kind.probe(observed.params, idempotency_key=execution.idempotency_key)
        return None if outcome is None else check_outcome(outcome)
    except Exception:  # boundary: an adapter raises what it likes
        # A probe that fails says nothing; it is asked again.
        log.exception("probe_raised", kind=approval.kind, approval=str(approval.pk))
        return None


def resolve(
    *,
    actor: Actor,
    approval_id: UUID,
    outcome: Literal["executed", "failed"],
    reason: str,
    evidence: str,
    digest: str = "",
    now: datetime | None = None,
) -> Approval:
    """Record the outcome of an effect whose outcome was unknown.

    Who may: holders of `hitl.resolve_approval` who did not contribute to the request and substitute for nobody
    who did. Raises Invalid, Refused, NotFound, Conflict. Announces approval_closed and action_finished.
    """
    actor.require(RESOLVE)
    missing = [name for name, text in (("reason", reason), ("evidence", evidence)) if not text.strip()]
    if missing or outcome not in ("executed", "failed"):
        fields = {name: ["Required."] for name in missing or ["outcome"]}
        raise Invalid("Give a reason and evidence.", fields=fields)
    with transitions.unit_of_work(now or clock_now()) as work:
        approval = work.lock(approval_id)
        refuse_without_right(DecisionContext.load(approval, work.moment), actor, Event.RESOLVE)
        if not may(Event.RESOLVE, State(approval.state)):
            raise too_late(approval, actor)
        if digest:
            check_digest(approval, actor, digest)
        add_remark(approval, actor, "resolve", f"{reason}\n\nEvidence: {evidence}", work.moment)
        rows = Execution.objects.filter(approval=approval, revision=approval.revision)
        if rows.update(outcome=f"resolved_{outcome}", finished_at=work.moment) != 1:
            say = "Execution never started, so there is no outcome to resolve."
            raise Conflict(say, **winner(approval, actor))
        work.apply(approval, Event.RESOLVE, actor=actor, to=State(outcome))
        work.announce_outcome(approval, "succeeded" if outcome == "executed" else "failed")
    return approval
