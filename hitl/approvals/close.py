"""Ending a request without doing it, and settling one whose outcome is unknown."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from core.actors import Actor, system
from core.clock import now as clock_now
from core.errors import Conflict, Invalid, Refused
from hitl.approvals import assignments, transitions
from hitl.approvals.checks import check_digest, is_own
from hitl.approvals.conflicts import decided, too_late, winner
from hitl.approvals.outcomes import approvers_of, note
from hitl.domain.state_machine import Event, State, may
from hitl.models import Approval, Execution

ADMINS: Final = frozenset({"owner", "admin", "system"})


def cancel(
    *, actor: Actor, approval_id: UUID, digest: str = "", reason: str = "", now: datetime | None = None
) -> Approval:
    """Withdraw a request that is not being executed.

    Who may: its requester or agent, the system when a run ended, an administrator; all need
    `hitl.cancel_approval`. Raises Refused, NotFound, Conflict. Announces approval_closed.
    """
    actor.require("hitl.cancel_approval")
    with transitions.work(now or clock_now()) as work:
        approval = work.lock(approval_id)
        if not is_own(approval, actor) and actor.role not in ADMINS:
            raise Refused("Only the requester or an administrator withdraws a request.")
        _close(work, approval, Event.CANCEL, actor, digest, reason)
    return approval


def revoke(
    *, actor: Actor, approval_id: UUID, digest: str = "", reason: str = "", now: datetime | None = None
) -> Approval:
    """Take an approval back before it is executed.

    Who may: one who approved it, or an administrator; both need `hitl.revoke_approval`. Raises
    Refused, NotFound, Conflict. Announces approval_closed.
    """
    actor.require("hitl.revoke_approval")
    with transitions.work(now or clock_now()) as work:
        approval = work.lock(approval_id)
        if actor.user_id not in approvers_of(approval) and actor.role not in ADMINS:
            raise Refused("Only one who approved it or an administrator takes it back.")
        _close(work, approval, Event.REVOKE, actor, digest, reason)
    return approval


def _close(work: transitions.Work, approval: Approval, event: Event, actor: Actor, digest: str, reason: str) -> None:
    if not may(event, State(approval.state)):
        raise too_late(approval, actor)
    if digest:
        check_digest(approval, actor, digest)
    note(approval, actor, event.value, reason, work.moment)
    word = "revoked" if event is Event.REVOKE else "cancelled"
    changes = decided(actor, word, approval, work.moment)
    work.move(approval, event, actor=actor, to=State.CANCELLED, changes=changes)


def expire(*, approval_id: UUID, now: datetime | None = None) -> bool:
    """Close a request nobody decided in time; tells whether it did. Announces approval_closed."""
    moment = now or clock_now()
    with transitions.work(moment) as work:
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
    with transitions.work(moment) as work:
        approval = work.lock(approval_id)
        too_early = approval.execute_by is not None and moment < approval.execute_by
        if not may(Event.LAPSE, State(approval.state)) or too_early:
            return False
        _time_out(work, approval, Event.LAPSE)
    return True


def _time_out(work: transitions.Work, approval: Approval, event: Event) -> None:
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
    digest: str = "",
    now: datetime | None = None,
) -> Approval:
    """Say what became of an effect whose outcome is unknown.

    Who may: holders of `hitl.resolve_approval` who had no part in the request and sit in for nobody
    who had. Raises Invalid, Refused, NotFound, Conflict. Announces approval_closed and action_finished.
    """
    actor.require("hitl.resolve_approval")
    missing = [n for n, v in (("reason", reason), ("evidence", evidence)) if not v.strip()]
    if missing or outcome not in ("executed", "failed"):
        fields = {name: ["This is needed."] for name in missing or ["outcome"]}
        raise Invalid("Give a reason and evidence.", fields=fields)
    with transitions.work(now or clock_now()) as work:
        approval = work.lock(approval_id)
        if actor.user_id in assignments.barred(approval, work.moment):
            raise Refused("Somebody else has to settle your own request.", code="four_eyes")
        if not may(Event.RESOLVE, State(approval.state)):
            raise too_late(approval, actor)
        if digest:
            check_digest(approval, actor, digest)
        note(approval, actor, "resolve", f"{reason}\n\nEvidence: {evidence}", work.moment)
        rows = Execution.objects.filter(approval=approval, revision=approval.revision)
        if rows.update(outcome=f"resolved_{outcome}", finished_at=work.moment) != 1:
            raise Conflict("Nothing of it was begun: there is no outcome to settle.", **winner(approval, actor))
        work.move(approval, Event.RESOLVE, actor=actor, to=State(outcome))
        work.finished(approval, "succeeded" if outcome == "executed" else "failed")
    return approval
