"""Endpoints of the talk about an approval: edit, ask, answer, send back, send in again, override."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet

from core.actors import Actor
from core.rest.idempotent import once_outside
from core.rest.operations import does, lists, tells
from core.rest.views import ApiView, StoryQuery
from hitl import selectors, services
from hitl.models import Approval, OverrideReview, Revision
from hitl.rest import action_serializers as shapes
from hitl.rest.approvals import DETAIL, moves, shown


class Edit(ApiView):
    """Change."""

    permissions: ClassVar = {"POST": "hitl.decide_approval"}

    @moves("approvals_edit", shapes.EditRequest, kept=once_outside)
    def post(self, **said: Any) -> Approval:
        """Change fields that the step lists as editable; everybody is asked again. Needs `hitl.decide_approval`.

        403 `no_edit_right` where nothing may be edited; 409 `stale_digest` when it changed.
        """
        return services.edit(**said)


class Ask(ApiView):
    """Ask back."""

    permissions: ClassVar = {"POST": "hitl.decide_approval"}

    @moves("approvals_ask", shapes.Said)
    def post(self, **said: Any) -> Approval:
        """Ask the requester something; the answer clock stands still. Needs `hitl.decide_approval` and an open seat."""
        return services.ask(**said)


class Answer(ApiView):
    """Answer."""

    permissions: ClassVar = {"POST": "hitl.propose_approval"}

    @moves("approvals_answer", shapes.Said)
    def post(self, reason: str, **said: Any) -> Approval:
        """Answer the signers' question about one's own request (`reason`). Needs `hitl.propose_approval`."""
        return services.answer(text=reason, **said)


class SendBack(ApiView):
    """Send back."""

    permissions: ClassVar = {"POST": "hitl.decide_approval"}

    @moves("approvals_send_back", shapes.Said)
    def post(self, **said: Any) -> Approval:
        """Send it back to be changed; the fourth time it is rejected. Needs `hitl.decide_approval` and an open seat."""
        return services.send_back(**said)


class Resubmit(ApiView):
    """Send in again."""

    permissions: ClassVar = {"POST": "hitl.propose_approval"}

    @moves("approvals_resubmit", shapes.ResubmitRequest, kept=once_outside)
    def post(self, **said: Any) -> Approval:
        """Send one's own returned request in again, changed or not. Needs `hitl.propose_approval`.

        403 `paused` under a kill switch, 503 when the outside cannot be looked at.
        """
        return services.resubmit(**said)


class Override(ApiView):
    """Break the glass."""

    permissions: ClassVar = {"POST": "hitl.override_approval"}

    @moves("approvals_override", shapes.Said)
    def post(self, **said: Any) -> Approval:
        """Approve alone where the workflow allows it; a review is opened. Needs `hitl.override_approval`.

        403 `no_break_glass` where it is not allowed, `weak_sign_in` without a second factor: an API key never has one.
        """
        return services.override(**said)


class Escalate(ApiView):
    """Ask more people."""

    permissions: ClassVar = {"POST": "hitl.reassign_approval"}

    @moves("approvals_escalate", shapes.Said)
    def post(self, **said: Any) -> Approval:
        """Take the next step of the ladder now. Needs `hitl.reassign_approval`.

        409 `no_step` when the workflow has no further one.
        """
        return services.escalate_now(**said)


class Probe(ApiView):
    """Look up."""

    permissions: ClassVar = {"POST": "hitl.resolve_approval"}

    @moves("approvals_probe", kept=once_outside)
    def post(self, **said: Any) -> Approval:
        """Ask the outside now what became of it; it stays `unknown` when that cannot tell. Needs
        `hitl.resolve_approval`."""
        return services.probe_now(**said)


class Review(ApiView):
    """The review of an override."""

    permissions: ClassVar = {"POST": "hitl.review_override"}

    @does("approvals_review", shapes.Finding, DETAIL, show=shown)
    def post(self, **said: Any) -> None:
        """Close the review of an override with a finding. Needs `hitl.review_override`; not for who overrode it."""
        services.close_review(**said)


class OverrideReviews(ApiView):
    """Overrides that have to be looked back at."""

    permissions: ClassVar = {"GET": "hitl.review_override"}

    @lists("override_reviews_list", shapes.OverrideReviewSerializer, query=shapes.ReviewQuery)
    def get(self, viewer: Actor) -> QuerySet[OverrideReview]:
        """List the reviews of overrides that are owed, newest first. Needs `hitl.review_override`."""
        return selectors.query_reviews(viewer=viewer, is_open=self.asked["open"])


class Revisions(ApiView):
    """What edits changed."""

    permissions: ClassVar = {"GET": selectors.VIEW}

    query = StoryQuery

    @tells("approvals_revisions", shapes.RevisionSerializer, key="revision")
    def get(self, viewer: Actor, approval_id: UUID, **part: Any) -> list[Revision]:
        """Read what each edit changed, field by field, oldest first, the newest 500 or those before a number. Needs
        `hitl.view_approval`."""
        selectors.get_approval(viewer=viewer, approval_id=approval_id)
        return selectors.list_revisions(viewer=viewer, approval_id=approval_id, **part)
