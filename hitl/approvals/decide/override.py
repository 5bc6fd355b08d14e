"""Break-glass: approve alone, on record, with a review by somebody else afterwards."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from accounts.last_change import last_change
from accounts.selectors import list_members, roster
from core.actors import Actor
from core.audit import chain
from core.db.rows import get_or_missing
from core.errors import Conflict, Refused
from core.events import streams
from core.text.clean import clean_text
from hitl.approvals.decide import rights
from hitl.approvals.state import outcomes, transitions
from hitl.approvals.state.context import DecisionContext
from hitl.approvals.state.votes import add_remark
from hitl.domain.permissions import OVERRIDE
from hitl.domain.state_machine import Event
from hitl.models import Approval, OverrideReview
from hitl.notifications import create

REVIEW: Final = "hitl.review_override"


def override(*, actor: Actor, approval_id: UUID, digest: str, reason: str, now: datetime | None = None) -> Approval:
    """Approve a request alone, past its remaining levels; a review of it is opened.

    Who may: a person with `hitl.override_approval` who signed in with a second factor and did not
    contribute to the request, where the workflow allows it. Raises Refused (`no_break_glass`,
    `weak_sign_in`, `four_eyes`), NotFound, Invalid, Conflict. Announces nothing.
    """
    actor.require(OVERRIDE)
    rights.require_text("reason", reason, "Say why this can't wait for the approvers.")
    with transitions.work_on(approval_id, now, member=actor.user_id) as (work, approval):
        context = DecisionContext.load(approval, work.moment)
        rights.check_state(approval, actor, Event.OVERRIDE, work.moment)
        rights.refuse_without_right(context, actor, Event.OVERRIDE)
        rights.check_digest(approval, actor, digest)
        rights.refuse_weak_sign_in(context, actor, Event.OVERRIDE)
        add_remark(approval, actor, "override", reason, work.moment)
        flags = sorted({*approval.compliance_flags, "override"})
        holds = [name for name in approval.holds if name != "unsatisfiable"]
        outcomes.approve(work, approval, actor, event=Event.OVERRIDE, compliance_flags=flags, holds=holds)
        OverrideReview.objects.create(
            approval=approval, revision=approval.revision, opened_by_id=actor.user_id, opened_at=work.moment
        )
        reviewers = {member.user_id for member in list_members(permission=REVIEW)} - {actor.user_id}
        create.notify(approval, reviewers, "approval_overridden", work.moment)
    return approval


def close_review(*, actor: Actor, approval_id: UUID, reason: str, now: datetime | None = None) -> OverrideReview:
    """Close the review of an override with a finding (`reason`).

    Who may: holders of `hitl.review_override` who neither overrode nor contributed to it. Raises
    Refused, NotFound, Invalid, Conflict. Announces nothing.
    """
    actor.require(REVIEW)
    rights.require_text("reason", reason, "Write what the review found.")
    with transitions.work_on(approval_id, now, member=actor.user_id) as (work, approval):
        rights.refuse_lost_role(roster(), actor, REVIEW)
        review: OverrideReview = get_or_missing(
            approval.reviews.order_by("-revision"), "This request has no emergency review."
        )
        if actor.user_id in {review.opened_by_id, None, *approval.excluded}:
            raise Refused(
                "You overrode or contributed to this request. Another reviewer must close this.",
                code="four_eyes",
            )
        if review.closed_at is not None:
            who = last_change(actor, "hitl.overridereview", review.pk)
            raise Conflict("This review is already closed.", closed_at=review.closed_at.isoformat(), **who)
        review.closed_by_id, review.closed_at, review.finding = actor.user_id, work.moment, clean_text(reason, 4000)
        review.save(update_fields=["closed_by", "closed_at", "finding"])
        flags = sorted({*approval.compliance_flags, "override_reviewed"})
        changes, facts = {"compliance_flags": flags}, {"flag": "override_reviewed"}
        work.amend(approval, "APPROVAL_FLAGGED", actor=actor, changes=changes, facts=facts)
        about: dict[str, Any] = {"approval": str(approval_id), "revision": review.revision}
        streams.hold(["queue"])  # the work publishes to it after this entry
        chain.note(actor, "OVERRIDE_REVIEWED", review, old_state="open", new_state="closed", **about)
    return review
