"""Claim an approved request: the right to cause its effect.

What is checked between an approval and its effect is checked here.
"""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from pydantic import BaseModel

from core.actors import Actor, system
from hitl.actions.observe import Observation
from hitl.actions.registry import AnyKind
from hitl.approvals.change.holds import KILL_SWITCH, drop_hold, hold_tampered
from hitl.approvals.state import timers, transitions
from hitl.approvals.state.context import DecisionContext
from hitl.approvals.state.outcomes import digest_of
from hitl.approvals.state.revisions import columns_of, diff_of, keep_diff, new_revision, reassess
from hitl.approvals.state.transitions import UnitOfWork
from hitl.domain.state_machine import Event, State
from hitl.execution.observation import LatestObservation
from hitl.execution.preconditions import Attempt, Drift, Hold, Retry, Wait, find_obstacle
from hitl.killswitch import state as killswitch
from hitl.models import Approval, Execution
from hitl.notifications import create
from hitl.policy.limits import cap_reservations
from hitl.seals.rules import RuleSeals

EXECUTOR: Final[Actor] = system("executor")
MAX_ATTEMPTS: Final = 5
LEASE: Final[timedelta] = getattr(settings, "EXECUTION_LEASE", timedelta(seconds=30))
HELD_AGAIN: Final = timedelta(minutes=1)
TAKE_OVER_AGAIN: Final = timedelta(seconds=15)


@dataclass(frozen=True)
class Claim:
    """The right to cause one effect, as long as the fence is the newest."""

    approval_id: UUID
    execution_id: UUID
    fence: int
    kind: AnyKind
    params: BaseModel
    idempotency_key: str
    agent_id: UUID | None
    retaken: bool = False


def backoff(attempt: int) -> timedelta:
    """Return the wait before the next attempt: 2, 4, 8 and so on to 300 seconds."""
    return timedelta(seconds=min(300, 2 ** max(1, attempt)))


def claim(approval_id: UUID, observation: LatestObservation, moment: datetime) -> Claim | None:
    """Claim an approved request, or take over a lost keyed execution.

    Returns None if there is no effect to cause now. Does what the table asks for instead: wait, hold, open a new
    revision, or mark as unknown. While this transaction runs no emergency stop can start.
    """
    with transitions.unit_of_work(moment) as work:
        seals = RuleSeals()
        kind, agent = observation.kind_key, observation.agent_id
        stopped_by = killswitch.shared_lock_and_check(kind=kind, agent_id=agent, seals=seals)
        approval = work.lock(approval_id)
        if approval.revision != observation.revision:
            return None
        if approval.state == State.EXECUTING:
            return _take_over(work, approval, observation, paused=bool(stopped_by))
        if approval.state != State.APPROVED:
            return None
        if approval.broken_seal:
            hold_tampered(work, approval, EXECUTOR)
            timers.set_timers(approval, {timers.Kind.EXECUTE: moment + HELD_AGAIN})
            return None
        context = DecisionContext.load(approval, moment, seals)
        obstacle = find_obstacle(Attempt(context, observation, stopped_by))
        if obstacle is None:
            periods, shortfall = cap_reservations.reserve(approval, moment, seals)
            if not shortfall:
                return _start(work, approval, observation, periods)
            obstacle = Hold(cap_reservations.HOLD, shortfall)
        match obstacle:
            case Hold():
                _hold(work, approval, obstacle)
            case Wait():
                _wait(work, approval)
            case Retry():
                timers.set_timers(approval, {timers.Kind.EXECUTE: moment + obstacle.after})
            case Drift():
                _open_revision(work, approval, observation, obstacle.changes)
    return None


def _hold(work: UnitOfWork, approval: Approval, hold: Hold) -> None:
    changes = {"holds": sorted({*approval.holds, hold.name}), "hold_reason": hold.reason}
    work.apply(approval, Event.HOLD, actor=EXECUTOR, changes=changes, facts={"hold": hold.name})
    work.alert(approval, hold.name)
    if hold.name != KILL_SWITCH:  # the person who stopped it knows
        create.alert_admins(approval, hold.name, work.moment)
    timers.set_timers(approval, {timers.Kind.EXECUTE: work.moment + HELD_AGAIN})


def _wait(work: UnitOfWork, approval: Approval) -> None:
    """Leave a request on hold, unless only a limit holds it and it fits again."""
    if approval.holds == [cap_reservations.HOLD] and not cap_reservations.shortfall(approval, work.moment):
        drop_hold(work, approval, EXECUTOR, cap_reservations.HOLD)
        return
    timers.set_timers(approval, {timers.Kind.EXECUTE: work.moment + HELD_AGAIN})


def _open_revision(work: UnitOfWork, approval: Approval, observation: LatestObservation, changes: list[str]) -> None:
    """Send the request back to the first level with what changed; the votes do not carry over.

    Announces approval_drifted.
    """
    if observation.kind is None or observation.params is None:
        return
    before = copy(approval)
    observed = Observation(observation.kind, observation.params, approval.payload, observation.facts)
    columns = columns_of(approval, reassess(approval, observed, work.moment))
    columns["drift"] = changes
    new_revision(work, approval, Event.DRIFT, columns, actor=EXECUTOR, facts={"changes": len(changes)})
    versions = [{"kind_version": each.kind_version} for each in (before, approval)]
    diff = [*diff_of(*versions), *diff_of(before.facts, approval.facts)]
    keep_diff(approval, Event.DRIFT, EXECUTOR, before, diff, work.moment)
    work.announced.append(("approval_drifted", approval, {}))


def _start(
    work: UnitOfWork, approval: Approval, observation: LatestObservation, periods: Mapping[str, str]
) -> Claim | None:
    if observation.kind is None or observation.params is None:
        return None
    until = work.moment + LEASE
    rows = Execution.objects.select_for_update().filter(approval=approval, revision=approval.revision)
    execution = rows.first()
    if execution is None:
        execution = Execution.objects.create(
            approval=approval,
            revision=approval.revision,
            digest=approval.digest,
            idempotency_key=f"walker:{approval.pk}:{approval.revision}",
            lease_until=until,
            started_at=work.moment,
        )
    else:
        _raise_fence(execution, until)
    facts = {cap_reservations.LIMITS: periods}  # also none: what an earlier claim reserved was given back
    return _grant(work, approval, execution, observation.kind, observation.params, Event.CLAIM, facts)


def _raise_fence(execution: Execution, until: datetime) -> None:
    execution.fence += 1
    execution.attempt += 1
    execution.lease_until = until
    execution.outcome, execution.finished_at = "", None
    execution.save(update_fields=["fence", "attempt", "lease_until", "outcome", "finished_at"])


def _grant(
    work: UnitOfWork,
    approval: Approval,
    execution: Execution,
    kind: AnyKind,
    params: BaseModel,
    event: Event,
    facts: Mapping[str, Any],
) -> Claim:
    """Give the right to cause the effect until its lease ends: a claim starts it, a reclaim takes it over."""
    until, facts = work.moment + LEASE, {"fence": execution.fence, "attempt": execution.attempt, **facts}
    to = State.EXECUTING if event == Event.CLAIM else None
    work.apply(approval, event, actor=EXECUTOR, to=to, timers={timers.Kind.LEASE: until}, facts=facts)
    return Claim(
        approval_id=approval.pk,
        execution_id=execution.pk,
        fence=execution.fence,
        kind=kind,
        params=params,
        idempotency_key=execution.idempotency_key,
        agent_id=approval.agent_id,
        retaken=event == Event.RECLAIM,
    )


def _take_over(work: UnitOfWork, approval: Approval, observation: LatestObservation, *, paused: bool) -> Claim | None:
    """Rows 20 and 20a: an executor was lost. Only a keyed kind is tried again, with the same key."""
    execution = Execution.objects.select_for_update().get(approval=approval, revision=approval.revision)
    if execution.lease_until is not None and work.moment < execution.lease_until:
        return None
    kind, params = observation.kind, observation.params
    if approval.broken_seal or kind is None or params is None or not kind.keyed or execution.attempt >= MAX_ATTEMPTS:
        mark_unknown(work, approval, execution)
        return None
    if approval.holds or paused or not observation.is_of(approval):
        timers.set_timers(approval, {timers.Kind.LEASE: work.moment + TAKE_OVER_AGAIN})
        return None
    if digest_of(approval) != execution.digest:
        mark_unknown(work, approval, execution)
        return None
    _raise_fence(execution, work.moment + LEASE)
    return _grant(work, approval, execution, kind, params, Event.RECLAIM, {})


def mark_unknown(work: UnitOfWork, approval: Approval, execution: Execution) -> None:
    """Mark the outcome of an execution as unknown (row 20).

    A person or a probe finds out what happened, never a retry.
    """
    execution.fence += 1
    execution.lease_until = None
    execution.outcome = "unknown"
    execution.save(update_fields=["fence", "lease_until", "outcome"])
    work.apply(
        approval,
        Event.LOSE,
        actor=EXECUTOR,
        to=State.UNKNOWN,
        timers={timers.Kind.UNKNOWN: work.moment},
        facts={"fence": execution.fence},
    )
    work.announce_outcome(approval, "unknown")
    work.alert(approval, "unknown")
    create.alert_admins(approval, "unknown", work.moment)
