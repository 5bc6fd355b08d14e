"""Endpoints of the talk about an approval: edit, ask, answer, send back, send in again, override."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.keyset import page_of
from core.rest.authentication import actor_of
from core.rest.idempotent import once, once_outside
from core.rest.schema import paged
from core.rest.views import ApiView, body_of
from hitl import api_shapes_moves as shapes
from hitl import selectors, services
from hitl.api import DETAIL, MoveView, shown
from hitl.models import Approval


class Edit(MoveView):
    """Change."""

    permissions: ClassVar = {"POST": "hitl.decide_approval"}
    shape = shapes.EditRequest
    move = staticmethod(services.edit)

    @extend_schema(operation_id="approvals_edit", request=shapes.EditRequest, responses=DETAIL)
    @once_outside
    def post(self, request: Request, approval_id: UUID) -> Response:
        """Change fields that the step lists as editable; everybody is asked again. Needs `hitl.decide_approval`.

        403 `no_edit_right` where nothing may be edited; 409 `stale_digest` when it changed.
        """
        return self.moved(request, approval_id)


class Ask(MoveView):
    """Ask back."""

    permissions: ClassVar = {"POST": "hitl.decide_approval"}
    shape = shapes.Said
    move = staticmethod(services.ask)

    @extend_schema(operation_id="approvals_ask", request=shapes.Said, responses=DETAIL)
    @once
    def post(self, request: Request, approval_id: UUID) -> Response:
        """Ask the requester something; the answer clock stands still. Needs `hitl.decide_approval` and an open seat."""
        return self.moved(request, approval_id)


def _answer(*, reason: str, **options: Any) -> Approval:
    return services.answer(text=reason, **options)


class Answer(MoveView):
    """Answer."""

    permissions: ClassVar = {"POST": "hitl.propose_approval"}
    shape = shapes.Said
    move = staticmethod(_answer)

    @extend_schema(operation_id="approvals_answer", request=shapes.Said, responses=DETAIL)
    @once
    def post(self, request: Request, approval_id: UUID) -> Response:
        """Answer the signers' question about one's own request (`reason`). Needs `hitl.propose_approval`."""
        return self.moved(request, approval_id)


class SendBack(MoveView):
    """Send back."""

    permissions: ClassVar = {"POST": "hitl.decide_approval"}
    shape = shapes.Said
    move = staticmethod(services.send_back)

    @extend_schema(operation_id="approvals_send_back", request=shapes.Said, responses=DETAIL)
    @once
    def post(self, request: Request, approval_id: UUID) -> Response:
        """Send it back to be changed; the fourth time it is rejected. Needs `hitl.decide_approval` and an open seat."""
        return self.moved(request, approval_id)


class Resubmit(MoveView):
    """Send in again."""

    permissions: ClassVar = {"POST": "hitl.propose_approval"}
    shape = shapes.ResubmitRequest
    move = staticmethod(services.resubmit)

    @extend_schema(operation_id="approvals_resubmit", request=shapes.ResubmitRequest, responses=DETAIL)
    @once_outside
    def post(self, request: Request, approval_id: UUID) -> Response:
        """Send one's own returned request in again, changed or not. Needs `hitl.propose_approval`.

        403 `paused` under a kill switch, 503 when the outside cannot be looked at.
        """
        return self.moved(request, approval_id)


class Override(MoveView):
    """Break the glass."""

    permissions: ClassVar = {"POST": "hitl.override_approval"}
    shape = shapes.Said
    move = staticmethod(services.override)

    @extend_schema(operation_id="approvals_override", request=shapes.Said, responses=DETAIL)
    @once
    def post(self, request: Request, approval_id: UUID) -> Response:
        """Approve alone where the workflow allows it; a review is opened. Needs `hitl.override_approval`.

        403 `no_break_glass` where it is not allowed, `weak_sign_in` without a second factor: an API key never has one.
        """
        return self.moved(request, approval_id)


class Review(ApiView):
    """The review of an override."""

    permissions: ClassVar = {"POST": "hitl.review_override"}

    @extend_schema(operation_id="approvals_review", request=shapes.Finding, responses=DETAIL)
    @once
    def post(self, request: Request, approval_id: UUID) -> Response:
        """Close the review of an override with a finding. Needs `hitl.review_override`; not for who overrode it."""
        said = body_of(request, shapes.Finding)
        services.close_review(actor=actor_of(request), approval_id=approval_id, reason=said["reason"])
        return shown(self, approval_id)


class OverrideReviews(ApiView):
    """Overrides that have to be looked back at."""

    permissions: ClassVar = {"GET": "hitl.review_override"}
    query = shapes.ReviewQuery

    @extend_schema(
        operation_id="override_reviews_list",
        parameters=[shapes.ReviewQuery],
        responses=paged(shapes.OverrideReviewSerializer),
    )
    def get(self, request: Request) -> Response:
        """List the reviews of overrides that are owed, newest first. Needs `hitl.review_override`."""
        rows = selectors.query_reviews(viewer=actor_of(request), is_open=self.asked["open"])
        found = page_of(rows, cursor=self.asked["cursor"], limit=self.asked["limit"])
        return self.page(found.rows, found.cursor, shapes.OverrideReviewSerializer)


class Revisions(ApiView):
    """What edits changed."""

    permissions: ClassVar = {"GET": selectors.VIEW}

    @extend_schema(operation_id="approvals_revisions", responses=shapes.RevisionSerializer(many=True))
    def get(self, request: Request, approval_id: UUID) -> Response:
        """Read what each edit changed, field by field, oldest first. Needs `hitl.view_approval`."""
        viewer = actor_of(request)
        selectors.get_approval(viewer=viewer, approval_id=approval_id)
        rows = selectors.list_revisions(viewer=viewer, approval_id=approval_id)
        return Response(shapes.RevisionSerializer(rows, many=True, context={"viewer": viewer}).data)
