"""Set and clear compliance flags of a request by hand; rules set them when it is made or changed."""

from datetime import datetime
from uuid import UUID

from accounts.selectors import roster
from core.actors import Actor
from core.clock import now as clock_now
from core.errors import Conflict, Invalid, Refused
from hitl.approvals.decide.rights import check_digest, refuse_lost_role, require_text
from hitl.approvals.state import transitions
from hitl.approvals.state.conflicts import tampered, winner
from hitl.approvals.state.context import DecisionContext
from hitl.approvals.state.transitions import UnitOfWork
from hitl.approvals.state.votes import add_remark
from hitl.domain.permissions import FLAG
from hitl.models import Approval, ComplianceFlag
from hitl.policy.limits.flags import RESERVED


def set_flag(
    *, actor: Actor, approval_id: UUID, flag: str, reason: str, digest: str = "", now: datetime | None = None
) -> Approval:
    """Put a flag on a request, open or closed, with a reason.

    `flag` is a name of the organisation's list. Who may: people with `hitl.flag_approval`. Raises Refused, NotFound,
    Invalid, Conflict (`flagged`, `stale_digest`, `tampered`). Announces nothing.
    """
    with transitions.unit_of_work(now or clock_now()) as work:
        approval = _lock(work, actor, approval_id, flag, reason, digest)
        if not ComplianceFlag.objects.filter(name=flag, is_active=True).exists():
            raise Invalid("Choose a flag.", fields={"flag": ["This flag isn't on your organisation's list."]})
        if flag in approval.compliance_flags:
            say = f"{approval.reference} already has this flag."
            raise Conflict(say, code="flagged", **winner(approval, actor))
        _change(work, approval, actor, "APPROVAL_FLAGGED", "flagged", flag, reason)
    return approval


def clear_flag(
    *, actor: Actor, approval_id: UUID, flag: str, reason: str, digest: str = "", now: datetime | None = None
) -> Approval:
    """Clear a flag of a request, with a reason.

    A rule sets it again if a changed request meets its condition. Who may: people with `hitl.flag_approval` who
    didn't contribute to the request. Raises Refused (`four_eyes`), NotFound, Invalid, Conflict (`not_flagged`,
    `stale_digest`, `tampered`). Announces nothing.
    """
    with transitions.unit_of_work(now or clock_now()) as work:
        approval = _lock(work, actor, approval_id, flag, reason, digest)
        if actor.user_id in DecisionContext.load(approval, work.moment).excluded_people():
            say = "You contributed to this request, so you can't clear its flags. Someone else must do this."
            raise Refused(say, code="four_eyes")
        if flag not in approval.compliance_flags:
            say = f"{approval.reference} doesn't have this flag."
            raise Conflict(say, code="not_flagged", **winner(approval, actor))
        _change(work, approval, actor, "APPROVAL_UNFLAGGED", "unflagged", flag, reason)
    return approval


def _lock(work: UnitOfWork, actor: Actor, approval_id: UUID, flag: str, reason: str, digest: str) -> Approval:
    actor.require(FLAG)
    if actor.user_id is None or actor.kind == "agent":
        raise Refused("Only a person can do this.", code="not_a_person")
    require_text("reason", reason, "Give a reason.")
    if flag in RESERVED:
        raise Invalid("Choose another flag.", fields={"flag": ["The emergency approval and its review set this flag."]})
    approval = work.lock(approval_id)
    refuse_lost_role(roster(), actor, FLAG)
    if approval.broken_seal:
        raise tampered(approval, **winner(approval, actor))
    if digest:
        check_digest(approval, actor, digest)
    return approval


def _change(
    work: UnitOfWork, approval: Approval, actor: Actor, action: str, verdict: str, flag: str, reason: str
) -> None:
    add_remark(approval, actor, verdict, reason, work.moment)
    flags = sorted({*approval.compliance_flags} ^ {flag})
    work.amend(approval, action, actor=actor, changes={"compliance_flags": flags}, facts={"flag": flag})
