"""Doing what was approved, at most once, and finding out what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any, Final
from uuid import UUID

from django.db import DatabaseError

from core import prepared, rows, writes
from core.actors import Actor
from core.clock import now as clock_now
from core.errors import Conflict, NotFound
from core.observability.logging import get_logger
from core.prepared import Call, Prepared, Result
from core.tenancy.scope import current_tenant_id
from hitl.actions.base import Outcome
from hitl.actions.outcomes import checked
from hitl.approvals import transitions
from hitl.approvals.checks import check_digest
from hitl.approvals.columns import one_text
from hitl.approvals.conflicts import too_late
from hitl.approvals.outcomes import note
from hitl.domain.state_machine import Event, State
from hitl.execution import claim as claiming
from hitl.execution.claim import EXECUTOR, MAX_ATTEMPTS, Claim, backoff
from hitl.killswitch import state
from hitl.models import Approval, Execution

log = get_logger(__name__)
_IDS: Final = {"tenant": "uuid", "id": "uuid"}
RESOLVE: Final = "hitl.resolve_approval"
PAUSED: Final = Outcome("failed_clean", error="Paused by a kill switch.", retry=True)


def execute(approval_id: UUID, *, now: datetime | None = None) -> Approval:
    """Carry an approved request as far as it goes now and return it.

    For the system's executor only; safe to call at any time and any number of times. Speaks to the
    outside between its transactions. Announces approval_closed and action_finished on an outcome.
    """
    found = transitions.read(approval_id)
    if found.approval.state not in (State.APPROVED, State.EXECUTING):
        return found.approval
    claim = claiming.claim(approval_id, claiming.look(found.approval), now or clock_now(), found=found)
    if claim is None:
        return transitions.read(approval_id).approval
    with _performed(claim) as (outcome, wire):
        moment = now or clock_now()
        try:
            return _report(claim, outcome, moment, wire)[0]
        except DatabaseError:
            if not wire.is_marked:
                raise
            # Nothing of it was run: the connection may have been lost during the call.
            log.warning("report_not_heard", approval=str(approval_id), exc_info=True)
    return _report(claim, outcome, moment)[0]


@cache
def _lock_statement() -> Prepared:
    return prepared.prepared(f"{rows.selection(Execution)} where tenant_id = $1 and id = $2 for update", _IDS)


@contextmanager
def _performed(claim: Claim) -> Iterator[tuple[Outcome, state.Wire]]:
    """Make the call, unless a kill switch was thrown since the claim.

    The look and the call are under one marker, so that whoever throws a switch after the look
    finds the call on the wire and waits for it.
    """
    with state.on_the_wire(kind=claim.kind.key, agent_id=claim.agent_id) as wire:
        if not wire.stopped_by:
            yield _call(claim), wire
        else:
            # Of an execution that was taken over nobody knows what the first call did.
            yield replace(PAUSED, kind="unknown") if claim.retaken else PAUSED, wire


def _call(claim: Claim) -> Outcome:
    try:
        outcome = claim.kind.execute(claim.params, idempotency_key=claim.idempotency_key)
    except Exception as error:  # boundary: an adapter raises what it likes
        # The effect may or may not have happened: only the outside knows.
        log.exception("execution_raised", kind=claim.kind.key, approval=str(claim.approval_id))
        return Outcome("unknown", error=type(error).__name__)
    return checked(outcome)


def report(*, claim: Claim, outcome: Outcome, now: datetime | None = None) -> bool:
    """Commit what an executor found out; tells whether its fence was still the newest."""
    return _report(claim, outcome, now or clock_now())[1]


def _report(
    claim: Claim, outcome: Outcome, moment: datetime, wire: state.Wire = state.NO_WIRE
) -> tuple[Approval, bool]:
    if claim.retaken and outcome.kind == "failed_clean":
        # This call did nothing. What the call of the lost executor did, nobody knows.
        outcome = replace(outcome, kind="unknown")
    if outcome.kind == "succeeded":
        try:
            return _succeed_at_once(claim, outcome, moment, wire), True
        except Conflict:
            log.info("report_looks_again", approval=str(claim.approval_id))
    with transitions.work(moment) as work:
        wire.leave()
        approval, (found,) = work.lock_and_read(claim.approval_id, [_lock(claim.execution_id)])
        execution = _one_execution(found)
        if approval.state != State.EXECUTING or execution.fence != claim.fence:
            log.warning("late_report_ignored", approval=str(approval.pk), outcome=outcome.kind)
            return approval, False
        if outcome.kind == "unknown":
            _surrender(work, approval, execution, claim, outcome)
        elif outcome.kind == "succeeded":
            _succeed(work, approval, execution, outcome, Event.SUCCEED)
        else:
            _fail(work, approval, execution, outcome)
    return approval, True


def _succeed_at_once(claim: Claim, outcome: Outcome, moment: datetime, wire: state.Wire) -> Approval:
    """Report a success without reading first: both rows are written only if they are as the claim left them.

    Raises Conflict, with nothing written, when they are not.
    """
    approval = rows.filled(Approval, vars(claim.approval))
    rows.mark_stored(approval)
    values = {**_kept(outcome), "lease_until": None, "finished_at": moment}
    mine = {"tenant_id": approval.tenant_id, "id": claim.execution_id, "fence": claim.fence}
    with transitions.work(moment) as work:
        wire.leave()
        work.move(approval, Event.SUCCEED, actor=EXECUTOR, to=State.EXECUTED)
        prepared.later(writes.changing(Execution, values, mine), check=_one_kept)
        work.finished(approval, "succeeded")
    return approval


def _one_kept(taken: int) -> None:
    if taken != 1:
        raise Conflict("Another executor has taken this over.")


def _lock(execution_id: UUID) -> Call:
    return Call(_lock_statement(), {"tenant": current_tenant_id(), "id": execution_id})


def _one_execution(found: Result) -> Execution:
    if found.first is None:
        raise NotFound
    return rows.loaded(Execution, found.first)


def _kept(outcome: Outcome) -> dict[str, Any]:
    return {"outcome": outcome.kind, "result": dict(outcome.result), "error": one_text(outcome.error, 500)}


def _keep(execution: Execution, outcome: Outcome, **columns: Any) -> None:
    values = {**_kept(outcome), **columns}
    prepared.later(writes.changing(Execution, values, {"tenant_id": execution.tenant_id, "id": execution.pk}))


def _succeed(
    work: transitions.Work,
    approval: Approval,
    execution: Execution,
    outcome: Outcome,
    event: Event,
    actor: Actor = EXECUTOR,
) -> None:
    _keep(execution, outcome, lease_until=None, finished_at=work.moment)
    work.move(approval, event, actor=actor, to=State.EXECUTED)
    work.finished(approval, "succeeded")


def _fail(work: transitions.Work, approval: Approval, execution: Execution, outcome: Outcome) -> None:
    if outcome is PAUSED:
        execution.attempt -= 1  # it was none: a switch must not use up the tries
    _keep(execution, outcome, attempt=execution.attempt, lease_until=None, finished_at=work.moment)
    facts = {"attempt": execution.attempt}
    if outcome.retry and execution.attempt < MAX_ATTEMPTS:
        timers = _back_in_line(approval, work.moment + backoff(execution.attempt))
        to = State.APPROVED
        work.move(approval, Event.FAIL_CLEAN, actor=EXECUTOR, to=to, timers=timers, facts=facts)
        return
    work.move(approval, Event.FAIL_CLEAN, actor=EXECUTOR, to=State.FAILED, facts=facts)
    work.finished(approval, "failed")


def _back_in_line(approval: Approval, due: datetime) -> dict[str, datetime]:
    timers = {transitions.Kind.EXECUTE.value: due}
    if approval.execute_by is not None:
        timers[transitions.Kind.LAPSE.value] = approval.execute_by
    return timers


def _surrender(
    work: transitions.Work, approval: Approval, execution: Execution, claim: Claim, outcome: Outcome
) -> None:
    """A keyed kind is taken over again after a pause; any other is lost at once."""
    if not claim.kind.keyed or execution.attempt >= MAX_ATTEMPTS:
        _keep(execution, outcome)
        execution.refresh_from_db()
        claiming.lose(work, approval, execution)
        return
    again = work.moment + backoff(execution.attempt)
    _keep(execution, outcome, lease_until=again)
    transitions.arm(approval, transitions.Kind.LEASE, again)


def probe(approval_id: UUID, *, now: datetime | None = None) -> Approval:
    """Ask the outside what became of an effect whose outcome is unknown; returns the approval.

    For the system only. Announces approval_closed and action_finished when it had happened.
    """
    approval = transitions.read(approval_id).approval
    if approval.state != State.UNKNOWN:
        return approval
    return _look_up(approval, EXECUTOR, "", now or clock_now())


def probe_now(
    *, actor: Actor, approval_id: UUID, digest: str = "", reason: str = "", now: datetime | None = None
) -> Approval:
    """Ask the outside what became of an effect before its time; it stays unknown when that cannot tell.

    Who may: holders of `hitl.resolve_approval`. Raises Refused, NotFound, Conflict. Speaks to the
    outside before the transaction. Announces approval_closed and action_finished when it had happened.
    """
    actor.require(RESOLVE)
    approval = transitions.read(approval_id).approval
    if approval.state != State.UNKNOWN:
        raise too_late(approval, actor)
    if digest:
        check_digest(approval, actor, digest)
    return _look_up(approval, actor, reason, now or clock_now())


def _look_up(approval: Approval, actor: Actor, reason: str, moment: datetime) -> Approval:
    execution = Execution.objects.get(approval=approval, revision=approval.revision)
    outcome = _ask(approval, execution)
    with transitions.work(moment) as work:
        locked, (found,) = work.lock_and_read(approval.pk, [_lock(execution.pk)])
        if locked.version != approval.version or _one_execution(found).fence != execution.fence:
            # The answer is about an earlier attempt: of what was done since it says nothing.
            log.info("late_answer_ignored", approval=str(approval.pk))
            return locked
        if outcome is None or outcome.kind == "unknown":
            _ask_later(work, locked)
            return locked
        if actor.user_id is not None:
            note(locked, actor, "probe", reason, work.moment)
        if outcome.kind == "succeeded":
            _succeed(work, locked, execution, outcome, Event.PROBE, actor)
        else:
            _keep(execution, outcome, lease_until=None)
            timers = _back_in_line(locked, work.moment)
            work.move(locked, Event.PROBE, actor=actor, to=State.APPROVED, timers=timers)
    return locked


def _ask(approval: Approval, execution: Execution) -> Outcome | None:
    seen = claiming.look(approval)
    if seen.kind is None or seen.params is None:
        return None
    try:
        key = execution.idempotency_key
        outcome = seen.kind.probe(seen.params, idempotency_key=key)
        return None if outcome is None else checked(outcome)
    except Exception:  # boundary: an adapter raises what it likes
        # A probe that fails has told us nothing; it is asked again.
        log.exception("probe_raised", kind=approval.kind, approval=str(approval.pk))
        return None


def _ask_later(work: transitions.Work, approval: Approval) -> None:
    timer = approval.timers.filter(kind=transitions.Kind.UNKNOWN).first()
    attempts = timer.attempts if timer else 1
    transitions.arm(approval, transitions.Kind.UNKNOWN, work.moment + backoff(min(attempts + 3, 9)))
