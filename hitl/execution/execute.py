"""Execute what was approved, at most once, and record the outcome."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.events import streams
from core.observability.logging import get_logger
from core.text.clean import clean_text
from hitl.actions.base import Outcome
from hitl.actions.outcomes import check_outcome
from hitl.approvals.state import timers, transitions
from hitl.approvals.state.context import DecisionContext
from hitl.approvals.state.transitions import UnitOfWork
from hitl.approvals.state.votes import approvers_of
from hitl.domain.state_machine import Event, State
from hitl.execution import observation
from hitl.execution.claim import EXECUTOR, MAX_ATTEMPTS, Claim, backoff, claim, mark_unknown
from hitl.killswitch import state as killswitch
from hitl.models import Approval, Execution, LateReport
from hitl.notifications import create

log = get_logger(__name__)
WARNING: Final = "warning"
"""Under it a result says what approvers should know of a change that succeeded."""
PAUSED: Final = Outcome("failed_clean", error="Paused by an emergency stop.", retry=True)


def execute(approval_id: UUID, *, now: datetime | None = None) -> Approval:
    """Take an approved request as far as it goes now and return it.

    For the system's executor only; safe to call at any time and any number of times. Makes outside
    calls between its transactions. Announces approval_closed and action_finished on an outcome.
    """
    approval = transitions.read(approval_id)
    if approval.state not in (State.APPROVED, State.EXECUTING):
        return approval
    observed = observation.observe_again(approval)
    claimed = claim(approval_id, observed, now or clock_now())
    if claimed is not None:
        settle(claim=claimed, outcome=call(claimed), now=now)
    return transitions.read(approval_id)


def call(claim: Claim) -> Outcome:
    """Make the outside call of a claim, unless an emergency stop was started since.

    The check and the call are under one marker, so that a stop that starts after the check finds
    the call in flight and waits for it.
    """
    with killswitch.track_in_flight_call(kind=claim.kind.key, agent_id=claim.agent_id) as stopped_by:
        if stopped_by:
            # The outcome of the first call of a lost execution is unknown.
            return replace(PAUSED, kind="unknown") if claim.retaken else PAUSED
        try:
            outcome = claim.kind.execute(claim.params, idempotency_key=claim.idempotency_key)
        except Exception as error:  # boundary: an adapter raises what it likes
            # The effect may or may not have happened: only the target system knows.
            log.exception("execution_raised", kind=claim.kind.key, approval=str(claim.approval_id))
            return Outcome("unknown", error=type(error).__name__)
    return check_outcome(outcome)


def settle(*, claim: Claim, outcome: Outcome, now: datetime | None = None) -> bool:
    """Record the outcome of a call; return False if another worker has taken over.

    Such a late report is kept on the execution.
    """
    if claim.retaken and outcome.kind == "failed_clean":
        # This call did nothing; the outcome of the lost executor's call is unknown.
        outcome = replace(outcome, kind="unknown")
    with transitions.unit_of_work(now or clock_now()) as work:
        approval = work.lock(claim.approval_id)
        execution = Execution.objects.select_for_update().get(pk=claim.execution_id)
        if approval.state != State.EXECUTING or execution.fence != claim.fence:
            _keep_late_report(work, approval, execution, claim, outcome)
            return False
        if outcome.kind == "succeeded":
            succeed(work, approval, execution, outcome, Event.SUCCEED)
        elif outcome.kind == "unknown":
            _lose(work, approval, execution, claim, outcome)
        else:
            _fail(work, approval, execution, outcome)
    return True


def _keep_late_report(
    work: UnitOfWork, approval: Approval, execution: Execution, claim: Claim, outcome: Outcome
) -> None:
    """Keep what a worker reported that was given up; administrators hear of it while the outcome is unknown."""
    log.warning("late_report_ignored", approval=str(approval.pk), outcome=outcome.kind)
    row = LateReport.objects.create(
        execution=execution, fence=claim.fence, outcome=outcome.kind, reported_at=work.moment
    )
    about = str(approval.pk)
    streams.hold(["queue"])  # an alert is published after this entry
    chain.note(EXECUTOR, "EXECUTION_REPORTED_LATE", row, approval=about, fence=claim.fence, outcome=outcome.kind)
    if approval.state == State.UNKNOWN:
        create.alert_admins(approval, "late_report", work.moment)
        work.alert(approval, "late_report")


def succeed(
    work: UnitOfWork,
    approval: Approval,
    execution: Execution,
    outcome: Outcome,
    event: Event,
    actor: Actor = EXECUTOR,
) -> None:
    """Record that the effect happened, and tell the approvers what they should know of it."""
    if outcome.warning:
        outcome = replace(outcome, result={**outcome.result, WARNING: clean_text(outcome.warning, 500)})
        approvers = approvers_of(DecisionContext.load(approval, work.moment))
        create.warn_approvers(approval, approvers, work.moment)
    store_outcome(execution, outcome, lease_until=None, finished_at=work.moment)
    work.apply(approval, event, actor=actor, to=State.EXECUTED)
    work.announce_outcome(approval, "succeeded")


def store_outcome(execution: Execution, outcome: Outcome, **columns: object) -> None:
    values = {
        "outcome": outcome.kind,
        "result": dict(outcome.result),
        "error": clean_text(outcome.error, 500),
        **columns,
    }
    for name, value in values.items():
        setattr(execution, name, value)
    execution.save(update_fields=list(values))


def retry_timers(approval: Approval, due: datetime) -> dict[str, datetime]:
    """Return the timers of an approved request that is executed at a later moment."""
    wanted = {timers.Kind.EXECUTE.value: due}
    if approval.execute_by is not None:
        wanted[timers.Kind.LAPSE.value] = approval.execute_by
    return wanted


def _fail(work: UnitOfWork, approval: Approval, execution: Execution, outcome: Outcome) -> None:
    attempt = execution.attempt
    if outcome is PAUSED or not outcome.was_called:
        attempt -= 1  # it was none: a pause must not use up the attempts
    store_outcome(execution, outcome, attempt=attempt, lease_until=None, finished_at=work.moment)
    facts = {"attempt": attempt}
    if outcome.retry and attempt < MAX_ATTEMPTS:
        wait = max(backoff(attempt), timedelta(seconds=outcome.retry_after or 0))
        due = retry_timers(approval, work.moment + wait)
        work.apply(approval, Event.FAIL_CLEAN, actor=EXECUTOR, to=State.APPROVED, timers=due, facts=facts)
        return
    work.apply(approval, Event.FAIL_CLEAN, actor=EXECUTOR, to=State.FAILED, facts=facts)
    work.announce_outcome(approval, "failed")


def _lose(work: UnitOfWork, approval: Approval, execution: Execution, claim: Claim, outcome: Outcome) -> None:
    """A keyed kind is taken over again after a pause; any other is unknown at once."""
    if not claim.kind.keyed or execution.attempt >= MAX_ATTEMPTS:
        store_outcome(execution, outcome)
        mark_unknown(work, approval, execution)
        return
    again = work.moment + backoff(execution.attempt)
    store_outcome(execution, outcome, lease_until=again)
    timers.set_timers(approval, {timers.Kind.LEASE: again})
