"""Ending a request without doing it, and settling one whose outcome is unknown."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from core.actors import Actor, system
from core.clock import now as clock_now
from core.errors import Invalid, Refused
from hitl import machine
from hitl.conflicts import decided, too_late
from hitl.drafting import one_text
from hitl.models import Approval, Decision, Execution
from hitl.transitions import Event, State, may
from hitl.verdicts import votes_of
from hitl.voting import last_votes

ADMINS: Final = frozenset({"owner", "admin", "system"})


def cancel(*, actor: Actor, approval_id: UUID, reason: str = "", now: datetime | None = None) -> Approval:
    """Withdraw a request that is not being executed.

    Who may: its requester or agent, the system when a run ended, an administrator; all need
    `hitl.cancel_approval`. Raises Refused, NotFound, Conflict. Announces approval_closed.
    """
    actor.require("hitl.cancel_approval")
    with machine.work(now or clock_now()) as work:
        approval = work.lock(approval_id)
        if not _is_own(approval, actor) and actor.role not in ADMINS:
            raise Refused("Only the requester or an administrator withdraws a request.")
        _close(work, approval, Event.CANCEL, actor, reason)
    return approval


def _is_own(approval: Approval, actor: Actor) -> bool:
    if actor.user_id is not None and actor.user_id == approval.requester_id:
        return True
    return actor.kind == "agent" and actor.id is not None and actor.id == approval.agent_id


def revoke(*, actor: Actor, approval_id: UUID, reason: str = "", now: datetime | None = None) -> Approval:
    """Take an approval back before it is executed.

    Who may: one who approved it, or an administrator; both need `hitl.revoke_approval`. Raises
    Refused, NotFound, Conflict. Announces approval_closed.
    """
    actor.require("hitl.revoke_approval")
    with machine.work(now or clock_now()) as work:
        approval = work.lock(approval_id)
        if actor.user_id not in approvers_of(approval) and actor.role not in ADMINS:
            raise Refused("Only one who approved it or an administrator takes it back.")
        _close(work, approval, Event.REVOKE, actor, reason)
    return approval


def approvers_of(approval: Approval) -> set[UUID]:
    """Return the people whose last verdict on the current revision was to approve."""
    found: set[UUID] = set()
    for level in range(1, len(approval.snapshot["levels"]) + 1):
        last = last_votes(votes_of(approval, level))
        found |= {person for person, verdict in last.items() if verdict == "approve"}
    return found


def _close(work: machine.Work, approval: Approval, event: Event, actor: Actor, reason: str) -> None:
    if not may(event, State(approval.state)):
        raise too_late(approval, actor)
    note(approval, actor, event.value, reason, work.moment)
    word = "revoked" if event is Event.REVOKE else "cancelled"
    changes = decided(actor, word, approval, work.moment)
    work.move(approval, event, actor=actor, to=State.CANCELLED, changes=changes)


def note(approval: Approval, actor: Actor, verdict: str, reason: str, moment: datetime) -> Decision:
    """Keep why somebody did something to a request, beside the votes."""
    row: Decision = Decision.objects.create(
        approval=approval,
        revision=approval.revision,
        level=approval.level,
        digest=approval.digest,
        person_id=actor.user_id,
        actor_kind=actor.kind,
        actor_name="" if actor.user_id else actor.name[:80],
        role=actor.role,
        verdict=verdict[:10],
        reason=one_text(reason, 4000),
        channel="console" if actor.kind == "user" else actor.kind,
        auth_strength=actor.auth_strength,
        address=actor.address[:45],
        created_at=moment,
    )
    return row


def expire(*, approval_id: UUID, now: datetime | None = None) -> bool:
    """Close a request nobody decided in time; tells whether it did. Announces approval_closed."""
    moment = now or clock_now()
    with machine.work(moment) as work:
        approval = work.lock(approval_id)
        if not may(Event.EXPIRE, State(approval.state)) or moment < approval.expires_at:
            return False
        _time_out(work, approval, Event.EXPIRE)
    return True


def lapse(*, approval_id: UUID, now: datetime | None = None) -> bool:
    """Close an approved request that was not executed in time; tells whether it did.

    Announces approval_closed.
    """
    moment = now or clock_now()
    with machine.work(moment) as work:
        approval = work.lock(approval_id)
        if not may(Event.LAPSE, State(approval.state)) or not is_lapsed(approval, moment):
            return False
        _time_out(work, approval, Event.LAPSE)
    return True


def is_lapsed(approval: Approval, moment: datetime) -> bool:
    """Tell whether it is too late to execute."""
    return approval.execute_by is None or moment >= approval.execute_by


def _time_out(work: machine.Work, approval: Approval, event: Event) -> None:
    clock = system("expiry")
    changes = decided(clock, "expired", approval, work.moment)
    work.move(approval, event, actor=clock, to=State.EXPIRED, changes=changes)


def resolve(
    *,
    actor: Actor,
    approval_id: UUID,
    outcome: Literal["executed", "failed"],
    reason: str,
    evidence: str,
    now: datetime | None = None,
) -> Approval:
    """Say what became of an effect whose outcome is unknown.

    Who may: holders of `hitl.resolve_approval` who had no part in the request. Raises Invalid,
    Refused, NotFound, Conflict. Announces approval_closed and action_finished.
    """
    actor.require("hitl.resolve_approval")
    missing = [n for n, v in (("reason", reason), ("evidence", evidence)) if not v.strip()]
    if missing or outcome not in ("executed", "failed"):
        fields = {name: ["This is needed."] for name in missing or ["outcome"]}
        raise Invalid("Give a reason and evidence.", fields=fields)
    with machine.work(now or clock_now()) as work:
        approval = work.lock(approval_id)
        if actor.user_id in approval.excluded:
            raise Refused("Somebody else has to settle your own request.", code="four_eyes")
        if not may(Event.RESOLVE, State(approval.state)):
            raise too_late(approval, actor)
        note(approval, actor, "resolve", f"{reason}\n\nEvidence: {evidence}", work.moment)
        rows = Execution.objects.filter(approval=approval, revision=approval.revision)
        rows.update(outcome=f"resolved_{outcome}", finished_at=work.moment)
        work.move(approval, Event.RESOLVE, actor=actor, to=State(outcome))
        work.finished(approval, "succeeded" if outcome == "executed" else "failed")
    return approval
