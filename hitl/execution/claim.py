"""The guards between an approval and its effect, and the claim that passes them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from pydantic import BaseModel, ValidationError

from core import prepared, rows, writes
from core.actors import Actor, system
from core.errors import NotFound
from core.ids import text_of
from core.observability.logging import get_logger
from core.prepared import Call, Prepared
from core.tenancy.scope import current_tenant_id
from hitl.actions import registry
from hitl.actions.base import Facts
from hitl.actions.observe import Observed
from hitl.actions.registry import AnyKind
from hitl.approvals import context, transitions
from hitl.approvals.columns import digest_of
from hitl.approvals.context import Briefing
from hitl.approvals.hold_reasons import drop_hold
from hitl.approvals.revisions import ask_again, columns_of, reassess
from hitl.domain.digest import Unrepresentable, plain
from hitl.domain.state_machine import Event, State
from hitl.execution.preconditions import unearned
from hitl.killswitch import state
from hitl.models import Approval, Cap, Execution
from hitl.notifications import create
from hitl.policy import caps

log = get_logger(__name__)
EXECUTOR: Final[Actor] = system("executor")
MAX_ATTEMPTS: Final = 5
LEASE: Final[timedelta] = getattr(settings, "EXECUTION_LEASE", timedelta(seconds=30))


@dataclass(frozen=True)
class Look:
    """What the outside looked like just before a claim; `problem` says why it is not known."""

    revision: int
    kind_key: str
    agent_id: UUID | None
    payload: dict[str, Any]
    kind: AnyKind | None = None
    params: BaseModel | None = None
    facts: Facts = field(default_factory=dict)
    problem: str = ""

    def is_of(self, approval: Approval) -> bool:
        """Tell whether it is the locked approval that was looked at: a row can be another one for a while."""
        seen = self.kind_key, self.agent_id, self.payload
        return seen == (approval.kind, approval.agent_id, approval.payload)


@dataclass(frozen=True)
class Ground:
    """What a claim rests on, as it was when the approval was locked."""

    paused: bool
    limits: list[Cap]
    known: Briefing
    execution: Execution | None


@dataclass(frozen=True)
class Foreseen:
    """A claim as it will be if the approval's row is the one that was read and nothing speaks against it."""

    claim: Claim
    moves: transitions.Foreseen
    digest: str


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
    approval: Approval
    """As the claim left it: whoever moved it since has given it another version."""
    retaken: bool = False


def backoff(attempt: int) -> timedelta:
    """Return how long to wait before the next attempt: 2, 4, 8 ... at most 300 seconds."""
    return timedelta(seconds=min(300, 2 ** max(1, attempt)))


def look(approval: Approval) -> Look:
    """Observe the facts again; an outside call, never made inside a transaction."""
    nothing = Look(approval.revision, approval.kind, approval.agent_id, approval.payload)
    try:
        kind = registry.get(approval.kind)
        params = kind.params_model.model_validate(approval.payload)
    except (NotFound, ValidationError):
        return replace(nothing, problem="unknown_kind")
    if approval.state != State.APPROVED:
        return replace(nothing, kind=kind, params=params)
    try:
        facts: Facts = plain(kind.observe(params))
    except Exception:  # boundary: an adapter raises what it likes
        # Without facts nothing is claimed, and it is tried again.
        log.exception("facts_not_observed", kind=kind.key, approval=str(approval.pk))
        return replace(nothing, kind=kind, params=params, problem="not_observed")
    return replace(nothing, kind=kind, params=params, facts=facts)


def claim(approval_id: UUID, seen: Look, moment: datetime, *, found: transitions.Read | None = None) -> Claim | None:
    """Claim an approved request, or take a lost keyed execution over; None when there is no effect
    to cause now. Does whatever else the table asks for: lapse, drift, hold, lose.

    What was `found` before the look is used up: it is moved where its row has not changed since."""
    with transitions.work(moment) as work:
        locking = _ask(work, approval_id, seen, found)
        foreseen = _foresee(work, seen, found)
        approval, ground = _ground(locking)
        if found is None or approval is not found.approval:
            foreseen = None
        if approval.revision != seen.revision:
            return None
        if approval.state == State.EXECUTING:
            return _take_over(work, approval, seen, paused=ground.paused)
        if approval.state != State.APPROVED:
            return None
        return _claim_approved(work, approval, seen, ground, foreseen)


def _ask(work: transitions.Work, approval_id: UUID, seen: Look, known: transitions.Read | None) -> transitions.Locking:
    """Keep switches from being thrown, lock the approval, and read what the claim rests on: one message."""
    share = state.share_and_look_calls(kind=seen.kind_key, agent_id=seen.agent_id)
    told = context.calls(approval_id, away_at=None)  # seats stand as they are, whoever is away now
    limits = caps.covering_call(kind=seen.kind_key, agent_id=seen.agent_id)
    of_revision = {"tenant": current_tenant_id(), "approval": approval_id, "revision": seen.revision}
    execution = Call(_execution_statement(), of_revision)
    return work.ask_lock(approval_id, [*told, limits, execution], before=share, seen=known)


def _foresee(work: transitions.Work, seen: Look, found: transitions.Read | None) -> Foreseen | None:
    """Work the claim out while the database locks, on a copy: what was read before the lock proves nothing."""
    if found is None or found.approval.state != State.APPROVED or seen.problem:
        return None
    approval = rows.filled(Approval, vars(found.approval))
    rows.mark_stored(approval)
    try:
        digest = digest_of(approval)
    except Unrepresentable:  # then there is no claim
        return None
    with work.foreseen() as moves:
        claim = _start(moves.work, approval, seen, None)
    return None if claim is None else Foreseen(claim, moves, digest)


def _ground(locking: transitions.Locking) -> tuple[Approval, Ground]:
    approval, found = locking.answer()
    _, look, *about, limiting, run = found
    return approval, Ground(
        paused=bool(state.reason_of(look)),
        limits=caps.limits_of(limiting),
        known=context.read(about, approval),
        # Mostly there is none, so that only then it is read.
        execution=None if run.first is None else Execution.objects.get(pk=run.first[0]),
    )


@cache
def _execution_statement() -> Prepared:
    return prepared.prepared(
        "select id from hitl_execution where tenant_id = $1 and approval_id = $2 and revision = $3 for update",
        {"tenant": "uuid", "approval": "uuid", "revision": "integer"},
    )


def _claim_approved(
    work: transitions.Work, approval: Approval, seen: Look, ground: Ground, foreseen: Foreseen | None
) -> Claim | None:
    if approval.execute_by is None or work.moment >= approval.execute_by:
        return None  # the lapse timer closes it
    if ground.paused:
        _hold(work, approval, "kill_switch", "It was stopped with a stop switch.")
        return None
    if approval.holds:
        _wait(work, approval)
        return None
    if seen.problem == "unknown_kind":
        _hold(work, approval, "manual", "This kind of action is not installed any more.")
        return None
    if seen.problem or seen.kind is None or seen.params is None:
        _later(approval, work.moment + timedelta(seconds=15))
        return None
    problem = unearned(approval, ground.known, foreseen.digest if foreseen else "")
    if problem:
        _hold(work, approval, "manual", problem)
        return None
    if not seen.is_of(approval):
        _later(approval, work.moment + timedelta(seconds=15))
        return None
    changes = _changed(approval, seen)
    if changes:
        _drift(work, approval, seen, changes)
        return None
    problem = caps.reserve(approval, work.moment, ground.limits)
    if problem:
        _hold(work, approval, caps.HOLD, problem)
        create.alert_admins(approval, caps.HOLD, work.moment)
        return None
    if foreseen is None or ground.execution is not None:
        return _start(work, approval, seen, ground.execution)
    work.carry_out(foreseen.moves)
    return foreseen.claim


def _wait(work: transitions.Work, approval: Approval) -> None:
    """Leave a held approval, unless nothing but a limit holds it and it fits again."""
    if approval.holds == [caps.HOLD] and not caps.shortfall(approval, work.moment):
        drop_hold(work, approval, EXECUTOR, caps.HOLD)
        return
    _later(approval, work.moment + timedelta(minutes=1))


def _later(approval: Approval, due: datetime) -> None:
    transitions.arm(approval, transitions.Kind.EXECUTE, due)


def _hold(work: transitions.Work, approval: Approval, hold: str, reason: str) -> None:
    holds = sorted({*approval.holds, hold})
    changes = {"holds": holds, "hold_reason": reason}
    facts = {"hold": hold}
    work.move(approval, Event.HOLD, actor=EXECUTOR, changes=changes, facts=facts)
    work.alert(approval, hold)
    if hold != "kill_switch":  # who threw it knows
        create.alert_admins(approval, hold, work.moment)
    _later(approval, work.moment + timedelta(minutes=1))


def _changed(approval: Approval, seen: Look) -> list[str]:
    if seen.kind is None:
        return []
    if not seen.kind.accepts(approval.kind_version):
        return ["The kind of action itself has changed since the request."]
    return list(seen.kind.drift(approval.facts, seen.facts))


def _drift(work: transitions.Work, approval: Approval, seen: Look, changes: list[str]) -> None:
    """Send the request back to the first level with what changed; the votes do not carry over."""
    if seen.kind is None or seen.params is None:
        return
    observed = Observed(seen.kind, seen.params, approval.payload, seen.facts)
    columns = columns_of(approval, reassess(approval, observed, work.moment))
    columns["drift"] = changes
    ask_again(work, approval, Event.DRIFT, columns, actor=EXECUTOR, facts={"changes": len(changes)})


def _start(work: transitions.Work, approval: Approval, seen: Look, known: Execution | None) -> Claim | None:
    if seen.kind is None or seen.params is None:
        return None
    until = work.moment + LEASE
    execution = _execution_of(work, approval, known, until)
    work.move(
        approval,
        Event.CLAIM,
        actor=EXECUTOR,
        to=State.EXECUTING,
        timers={transitions.Kind.LEASE.value: until},
        facts={"fence": execution.fence, "attempt": execution.attempt},
    )
    return _claim_of(approval, execution, seen.kind, seen.params)


def _execution_of(work: transitions.Work, approval: Approval, known: Execution | None, until: datetime) -> Execution:
    """Return the one execution of the revision with a fence that nobody else has.

    Whoever made one had the lock of the approval, so that none can have come after `known` was read.
    """
    if known is not None:
        _raise_fence(known, until)
        return known
    new = writes.new(
        Execution,
        approval_id=approval.pk,
        revision=approval.revision,
        digest=approval.digest,
        idempotency_key=f"walker:{text_of(approval.pk)}:{approval.revision}",
        lease_until=until,
        started_at=work.moment,
    )
    prepared.later(writes.inserting(new))
    return new


def _raise_fence(execution: Execution, until: datetime) -> None:
    execution.fence += 1
    execution.attempt += 1
    execution.lease_until = until
    execution.outcome, execution.finished_at = "", None
    execution.save(update_fields=["fence", "attempt", "lease_until", "outcome", "finished_at"])


def _claim_of(
    approval: Approval, execution: Execution, kind: AnyKind, params: BaseModel, *, retaken: bool = False
) -> Claim:
    return Claim(
        approval_id=approval.pk,
        execution_id=execution.pk,
        fence=execution.fence,
        kind=kind,
        params=params,
        idempotency_key=execution.idempotency_key,
        agent_id=approval.agent_id,
        approval=approval,
        retaken=retaken,
    )


def _take_over(work: transitions.Work, approval: Approval, seen: Look, *, paused: bool) -> Claim | None:
    """Rows 20 and 20a: an executor was lost. Only a keyed kind is tried again, with the same key."""
    execution = Execution.objects.select_for_update().get(approval=approval, revision=approval.revision)
    if execution.lease_until is not None and work.moment < execution.lease_until:
        return None
    keyed = seen.kind is not None and seen.kind.keyed
    if seen.kind is None or seen.params is None or not keyed or execution.attempt >= MAX_ATTEMPTS:
        lose(work, approval, execution)
        return None
    if approval.holds or paused or not seen.is_of(approval):
        transitions.arm(approval, transitions.Kind.LEASE, work.moment + timedelta(seconds=15))
        return None
    if digest_of(approval) != execution.digest:
        lose(work, approval, execution)
        return None
    until = work.moment + LEASE
    _raise_fence(execution, until)
    work.move(
        approval,
        Event.RECLAIM,
        actor=EXECUTOR,
        timers={transitions.Kind.LEASE.value: until},
        facts={"fence": execution.fence, "attempt": execution.attempt},
    )
    return _claim_of(approval, execution, seen.kind, seen.params, retaken=True)


def lose(work: transitions.Work, approval: Approval, execution: Execution) -> None:
    """Row 20: nobody knows what happened; a person or a probe settles it, never a retry."""
    execution.fence += 1
    execution.lease_until = None
    execution.outcome = "unknown"
    execution.save(update_fields=["fence", "lease_until", "outcome"])
    work.move(
        approval,
        Event.LOSE,
        actor=EXECUTOR,
        to=State.UNKNOWN,
        timers={transitions.Kind.UNKNOWN.value: work.moment},
        facts={"fence": execution.fence},
    )
    work.finished(approval, "unknown")
    work.alert(approval, "unknown")
    create.alert_admins(approval, "unknown", work.moment)
