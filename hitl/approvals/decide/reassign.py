"""Delegate one's own assignment to a colleague, or change an approver as an administrator."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet

from core.actors import Actor
from core.errors import Conflict, Invalid, Refused
from hitl.approvals.decide import rights
from hitl.approvals.state import transitions
from hitl.approvals.state.conflicts import winner
from hitl.approvals.state.context import DecisionContext
from hitl.approvals.state.revisions import void_tokens
from hitl.approvals.state.votes import add_remark
from hitl.domain.eligibility import LONGEST_CHAIN, original_person
from hitl.domain.permissions import DECIDE, REASSIGN
from hitl.domain.state_machine import Event
from hitl.models import Approval, Assignment, DecisionToken
from hitl.notifications import create

_NOT_THEM: Final = {
    "four_eyes": "This person contributed to the request and can't decide it.",
    "approved_earlier_step": "This person approved an earlier step and can't decide another.",
}


def delegate(
    *, actor: Actor, approval_id: UUID, to: UUID, digest: str, reason: str = "", now: datetime | None = None
) -> Approval:
    """Delegate one's own assignment at the current level to a colleague.

    Who may: a person who is assigned and has not voted. The colleague may decide, is not away, did not
    contribute to the request and was never assigned at this level; an assignment is delegated five times at most.
    Links of the old holder become void. Raises Refused, NotFound, Invalid, Conflict. Announces nothing.
    """
    actor.require(DECIDE)
    with transitions.work_on(approval_id, now) as (work, approval):
        context = DecisionContext.load(approval, work.moment)
        rights.check_state(approval, actor, Event.DELEGATE, work.moment)
        rights.refuse_without_right(context, actor, Event.DELEGATE)
        assignments = rights.valid_assignments(context, actor.user_id)
        rights.check_digest(approval, actor, digest)
        _check_giver(context, actor, assignments[0])
        _check_successor(context, to)
        add_remark(approval, actor, "delegate", reason, work.moment)
        work.apply(approval, Event.DELEGATE, actor=actor, facts={"to": str(to)})
        for assignment in assignments:
            hand_over(assignment, to, work.moment, for_person_id=original_person(assignment), source=assignment.source)
        void_tokens(approval, work.moment, DecisionToken.End.DELEGATED, person_id=actor.user_id)
        create.notify(approval, {to}, "approval_delegated", work.moment)
    return approval


def reassign(
    *,
    actor: Actor,
    approval_id: UUID,
    from_person: UUID,
    to: UUID,
    digest: str,
    reason: str,
    now: datetime | None = None,
) -> Approval:
    """Replace one approver of the current level by another.

    Who may: holders of `hitl.reassign_approval` who did not contribute to the request. Raises Refused,
    NotFound, Invalid, Conflict. Announces nothing.
    """
    actor.require(REASSIGN)
    rights.require_text("reason", reason, "Give a reason for the change.")
    with transitions.work_on(approval_id, now) as (work, approval):
        context = DecisionContext.load(approval, work.moment)
        rights.check_state(approval, actor, Event.REASSIGN, work.moment)
        rights.refuse_without_right(context, actor, Event.REASSIGN)
        rights.check_digest(approval, actor, digest)
        # One that was closed because its right is lost can still be given to someone else.
        here = context.assignments_at(approval.level)
        assignments = [each for each in here if each.person_id == from_person and each.moved_at is None]
        if not assignments:
            say = "This person is not an approver of this step."
            raise Invalid(say, fields={"from_person": ["Choose a current approver."]})
        _check_giver(context, actor, assignments[0])
        _check_successor(context, to)
        add_remark(approval, actor, "reassign", reason, work.moment)
        changes = {"assigned_to_id": to}
        facts = {"from": str(from_person), "to": str(to)}
        work.apply(approval, Event.REASSIGN, actor=actor, changes=changes, facts=facts)
        for assignment in assignments:
            hand_over(assignment, to, work.moment, source=Assignment.Source.REASSIGNED)
        void_tokens(approval, work.moment, DecisionToken.End.DELEGATED, person_id=from_person)
        create.notify(approval, {to}, "approval_delegated", work.moment)
    return approval


def _check_giver(context: DecisionContext, actor: Actor, assignment: Assignment) -> None:
    if assignment.person_id in context.voters():
        raise Conflict("This approver has already voted.", code="voted", **winner(context.approval, actor))
    passed_on = [
        each
        for each in context.assignments_at(context.approval.level)
        if each.moved_at is not None
        and each.group == assignment.group
        and original_person(each) == original_person(assignment)
    ]
    if len(passed_on) >= LONGEST_CHAIN:
        say = "This has been delegated too often. The current approver must decide."
        raise Invalid(say, fields={"to": ["The current approver must decide."]})


def _check_successor(context: DecisionContext, to: UUID) -> None:
    """Raise Invalid or Refused unless the person can be assigned to the current level now."""
    reason = rights.why_not_eligible(context, to)
    if reason is not None and reason.code in _NOT_THEM:
        raise Refused(_NOT_THEM[reason.code], code=reason.code)
    if reason is not None:
        raise Invalid("This person can't approve requests.", fields={"to": ["Choose a person who can approve."]})
    if to in context.directory.substitutes:
        raise Invalid("This person is away.", fields={"to": ["This person is out of office now."]})
    if to in {assignment.person_id for assignment in context.assignments_at(context.approval.level)}:
        say = "This person is or was already an approver of this step."
        raise Invalid(say, fields={"to": [say]})


def assignments_here(approval: Approval) -> QuerySet[Assignment]:
    """Return the assignments of the current level of the current revision, as a query."""
    return Assignment.objects.filter(approval=approval, revision=approval.revision, level=approval.level)


def hand_over(assignment: Assignment, to: UUID, moment: datetime, **columns: Any) -> None:
    """Close an assignment as moved and open it for another person; the group stays."""
    Assignment.objects.filter(pk=assignment.pk).update(closed_at=moment, moved_at=moment)
    fresh = {"rightful_id": None, "via_id": None, "for_person_id": None, **columns}
    Assignment.objects.update_or_create(
        approval_id=assignment.approval_id,
        revision=assignment.revision,
        level=assignment.level,
        person_id=to,
        group=assignment.group,
        defaults={**fresh, "opened_at": moment, "closed_at": None, "moved_at": None},
    )
