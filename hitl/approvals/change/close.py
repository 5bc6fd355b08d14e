"""End a request without executing it: cancel, revoke, expire, lapse."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.permissions import shares
from accounts.selectors import roster
from core.actors import Actor, system
from core.errors import Conflict, Refused
from hitl.approvals.decide.rights import check_digest, is_admin, is_own, refuse_lost_role
from hitl.approvals.state import transitions
from hitl.approvals.state.conflicts import too_late
from hitl.approvals.state.context import DecisionContext
from hitl.approvals.state.outcomes import decision_columns
from hitl.approvals.state.votes import add_remark, approvers_of
from hitl.domain.permissions import CANCEL, REVOKE
from hitl.domain.state_machine import Event, State, may
from hitl.models import Approval


def cancel(
    *, actor: Actor, approval_id: UUID, digest: str = "", reason: str = "", now: datetime | None = None
) -> Approval:
    """Cancel a request that is not being executed.

    Who may: its requester or agent, the system when a run ended, an administrator; all need
    `hitl.cancel_approval`, which a share to act lends. Raises Refused, NotFound, Conflict. Announces
    approval_closed.
    """
    shares.require(actor, shares.APPROVAL, CANCEL)
    with transitions.work_on(approval_id, now, member=actor.user_id) as (work, approval):
        members = roster()
        if actor.may(CANCEL) or CANCEL not in shares.given(actor, approval):
            actor.require(CANCEL)
            refuse_lost_role(members, actor, CANCEL)
        if not is_own(approval, actor) and not is_admin(members, actor):
            raise Refused("Only the requester or an administrator can cancel this request.")
        _close(work, approval, Event.CANCEL, actor, digest, reason)
    return approval


def revoke(
    *, actor: Actor, approval_id: UUID, digest: str = "", reason: str = "", now: datetime | None = None
) -> Approval:
    """Revoke an approval before it is executed.

    Who may: one who approved it, or an administrator; both need `hitl.revoke_approval`. Raises
    Refused, NotFound, Conflict. Announces approval_closed.
    """
    actor.require(REVOKE)
    with transitions.work_on(approval_id, now, member=actor.user_id) as (work, approval):
        members = roster()
        refuse_lost_role(members, actor, REVOKE)
        if not is_admin(members, actor) and not _has_approved(approval, actor, work.moment):
            raise Refused("Only one of its approvers or an administrator can revoke this approval.")
        _close(work, approval, Event.REVOKE, actor, digest, reason)
    return approval


def undo(*, actor: Actor, approval_id: UUID, digest: str = "", now: datetime | None = None) -> Approval:
    """Undo an approval given in the console that waits for its execution.

    It is a revoke, without a reason: the request is cancelled. Who may: one who approved it, with
    `hitl.revoke_approval`. Raises Refused, NotFound, Conflict (`no_undo`; once the execution has started,
    it says when). Announces approval_closed.
    """
    actor.require(REVOKE)
    with transitions.work_on(approval_id, now, member=actor.user_id) as (work, approval):
        refuse_lost_role(roster(), actor, REVOKE)
        if not _has_approved(approval, actor, work.moment):
            raise Refused("Only one of its approvers can undo this approval.")
        if approval.state == State.APPROVED and approval.execute_after is None:
            raise Conflict("This approval can't be undone. Revoke it instead.", code="no_undo")
        _close(work, approval, Event.REVOKE, actor, digest, "", facts={"undo": True})
    return approval


def _has_approved(approval: Approval, actor: Actor, moment: datetime) -> bool:
    return actor.user_id in approvers_of(DecisionContext.load(approval, moment))


def _close(
    work: transitions.UnitOfWork,
    approval: Approval,
    event: Event,
    actor: Actor,
    digest: str,
    reason: str,
    facts: Mapping[str, Any] | None = None,
) -> None:
    if not may(event, State(approval.state)):
        raise too_late(approval, actor)
    if digest:
        check_digest(approval, actor, digest)
    add_remark(approval, actor, event.value, reason, work.moment)
    word = "revoked" if event is Event.REVOKE else "cancelled"
    changes = decision_columns(actor, word, work.moment)
    work.apply(approval, event, actor=actor, to=State.CANCELLED, changes=changes, facts=facts)


def expire(*, approval_id: UUID, now: datetime | None = None) -> bool:
    """Close a request that nobody decided in time; return True if it did.

    For the system only. Announces approval_closed.
    """
    return _time_out(approval_id, Event.EXPIRE, now)


def lapse(*, approval_id: UUID, now: datetime | None = None) -> bool:
    """Close an approved request that was not executed in time; return True if it did.

    For the system only. Announces approval_closed.
    """
    return _time_out(approval_id, Event.LAPSE, now)


def _time_out(approval_id: UUID, event: Event, now: datetime | None) -> bool:
    with transitions.work_on(approval_id, now) as (work, approval):
        due_at = approval.expires_at if event is Event.EXPIRE else approval.execute_by
        if not may(event, State(approval.state)) or (due_at is not None and work.moment < due_at):
            return False
        clock = system("expiry")
        changes = decision_columns(clock, "expired", work.moment)
        work.apply(approval, event, actor=clock, to=State.EXPIRED, changes=changes)
    return True
