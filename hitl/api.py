"""Endpoints of approvals, workflows and kill switches."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, ClassVar, Final
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.actors import Actor
from core.keyset import page_of
from core.rest.authentication import actor_of
from core.rest.idempotent import HEADER, once, once_outside
from core.rest.schema import paged
from core.rest.views import ApiView, body_of
from hitl import api_shapes as shapes
from hitl import definitions, selectors, services, story
from hitl.models import Approval
from hitl.selectors import Filters
from hitl.types import Origin

CHANNEL: Final = "api"
DETAIL: Final = shapes.ApprovalDetailSerializer


class Approvals(ApiView):
    """Approvals: list, and ask for one."""

    permissions: ClassVar = {"GET": selectors.VIEW, "POST": "hitl.propose_approval"}
    query = shapes.ApprovalQuery

    @extend_schema(
        operation_id="approvals_list", parameters=[shapes.ApprovalQuery], responses=paged(shapes.ApprovalSerializer)
    )
    def get(self, request: Request) -> Response:
        """List approvals, newest first. Needs `hitl.view_approval`."""
        viewer = actor_of(request)
        rows = selectors.query_approvals(viewer=viewer, filters=_filters(viewer, self.asked))
        found = page_of(rows, cursor=self.asked["cursor"], limit=self.asked["limit"])
        return self.page(found.rows, found.cursor, shapes.ApprovalSerializer)

    @extend_schema(operation_id="approvals_create", request=shapes.Proposal, responses={201: DETAIL})
    @once_outside
    def post(self, request: Request) -> Response:
        """Ask for a risky action; people decide. Needs `hitl.propose_approval`.

        The current state of what is touched is looked up outside first: 503 when that is away, 403
        `paused` under a kill switch. With the same `dedupe_key` the open approval is the answer.
        """
        wanted = body_of(request, shapes.Proposal)
        approval = services.propose(
            actor=actor_of(request),
            kind=wanted["kind"],
            params=wanted["params"],
            origin=_origin(actor_of(request), wanted["notes"]),
            dedupe_key=wanted["dedupe_key"] or _dedupe_key(request),
        )
        return shown(self, approval.pk, status=201)


def _filters(viewer: Actor, asked: dict[str, Any]) -> Filters:
    assignee = viewer.user_id if asked["assignee"] == "me" else asked["assignee"]
    return Filters(
        states=tuple(asked["state"]),
        risk_levels=tuple(asked["risk"]),
        kind=asked["kind"],
        assignee_id=assignee,
        overdue=asked["overdue"],
        q=asked["q"],
    )


def _origin(actor: Actor, notes: str) -> Origin:
    return Origin(
        requester_user_id=actor.user_id,
        channel=CHANNEL,
        address=actor.address,
        user_agent=actor.user_agent,
        notes=notes,
    )


def _dedupe_key(request: Request) -> str:
    """A repetition after a crash, whose first answer was lost, finds the approval by this."""
    key = request.headers.get(HEADER)
    person = actor_of(request).user_id
    return f"api:{hashlib.sha256(f'{person}|{key}'.encode()).hexdigest()}" if key else ""


def shown(view: ApiView, approval_id: UUID, *, status: int = 200) -> Response:
    """Return an approval as it is now. Those who may not look at approvals get what they asked for all the same."""
    viewer = actor_of(view.request)
    if not viewer.may(selectors.VIEW):
        return Response({"id": str(approval_id)}, status=status)
    approval = selectors.get_approval(viewer=viewer, approval_id=approval_id)
    context = {
        "viewer": viewer,
        "seats": selectors.list_seats(viewer=viewer, approval_id=approval_id),
        "may_decide": selectors.may_decide(viewer=viewer, approval=approval),
    }
    return Response(DETAIL(approval, context=context).data, status=status)


class ApprovalPage(ApiView):
    """One approval."""

    permissions: ClassVar = {"GET": selectors.VIEW}

    @extend_schema(operation_id="approvals_retrieve", responses=DETAIL)
    def get(self, request: Request, approval_id: UUID) -> Response:
        """Read an approval with what is signed and its digest. Needs `hitl.view_approval`."""
        return shown(self, approval_id)


class ApprovalHistory(ApiView):
    """What happened to an approval."""

    permissions: ClassVar = {"GET": selectors.VIEW}

    @extend_schema(operation_id="approvals_history", responses=shapes.HappeningSerializer(many=True))
    def get(self, request: Request, approval_id: UUID) -> Response:
        """Read what happened, oldest first, at most 500 entries. Needs `hitl.view_approval`."""
        viewer = actor_of(request)
        selectors.get_approval(viewer=viewer, approval_id=approval_id)
        rows = story.history(viewer=viewer, approval_id=approval_id)
        return Response(shapes.HappeningSerializer(rows, many=True).data)


class ApprovalExecutions(ApiView):
    """What was done about an approval."""

    permissions: ClassVar = {"GET": selectors.VIEW}

    @extend_schema(operation_id="approvals_executions", responses=shapes.ExecutionSerializer(many=True))
    def get(self, request: Request, approval_id: UUID) -> Response:
        """Read the executions, one per revision. Needs `hitl.view_approval`."""
        viewer = actor_of(request)
        selectors.get_approval(viewer=viewer, approval_id=approval_id)
        rows = selectors.list_executions(viewer=viewer, approval_id=approval_id)
        return Response(shapes.ExecutionSerializer(rows, many=True).data)


class MoveView(ApiView):
    """One move of an approval: takes a digest and a reason, answers with the approval as it is then."""

    shape: ClassVar[type[shapes.Move]] = shapes.Move
    move: ClassVar[Callable[..., Approval]]

    def moved(self, request: Request, approval_id: UUID) -> Response:
        """Read the body, move, and show."""
        said = body_of(request, self.shape)
        type(self).move(actor=actor_of(request), approval_id=approval_id, **said)
        return shown(self, approval_id)


def _decided(view: ApiView, request: Request, approval_id: UUID, verdict: Any) -> Response:
    said = body_of(request, shapes.Verdict)
    services.decide(
        actor=actor_of(request),
        approval_id=approval_id,
        verdict=verdict,
        digest=said["digest"],
        reason=said["reason"],
        channel=CHANNEL,
    )
    return shown(view, approval_id)


class Approve(ApiView):
    """Sign."""

    permissions: ClassVar = {"POST": "hitl.decide_approval"}

    @extend_schema(operation_id="approvals_approve", request=shapes.Verdict, responses=DETAIL)
    @once
    def post(self, request: Request, approval_id: UUID) -> Response:
        """Sign exactly what the digest stands for. Needs `hitl.decide_approval` and an open seat.

        403 `four_eyes` for one's own request, `no_seat`, `weak_sign_in`; 409 `stale_digest` when it
        changed, 409 with the winner when it is decided.
        """
        return _decided(self, request, approval_id, "approve")


class Reject(ApiView):
    """Refuse."""

    permissions: ClassVar = {"POST": "hitl.decide_approval"}

    @extend_schema(operation_id="approvals_reject", request=shapes.Verdict, responses=DETAIL)
    @once
    def post(self, request: Request, approval_id: UUID) -> Response:
        """Refuse exactly what the digest stands for. Needs what approving needs, and a reason where the step asks."""
        return _decided(self, request, approval_id, "reject")


class Cancel(MoveView):
    """Withdraw."""

    permissions: ClassVar = {"POST": "hitl.cancel_approval"}
    move = staticmethod(services.cancel)

    @extend_schema(operation_id="approvals_cancel", request=shapes.Move, responses=DETAIL)
    @once
    def post(self, request: Request, approval_id: UUID) -> Response:
        """Withdraw one's own request, or any as administrator. Needs `hitl.cancel_approval`."""
        return self.moved(request, approval_id)


class Revoke(MoveView):
    """Take back."""

    permissions: ClassVar = {"POST": "hitl.revoke_approval"}
    move = staticmethod(services.revoke)

    @extend_schema(operation_id="approvals_revoke", request=shapes.Move, responses=DETAIL)
    @once
    def post(self, request: Request, approval_id: UUID) -> Response:
        """Take a signature back before it is carried out. Needs `hitl.revoke_approval`."""
        return self.moved(request, approval_id)


class Hold(MoveView):
    """Hold back."""

    permissions: ClassVar = {"POST": "hitl.hold_approval"}
    shape = shapes.HoldRequest
    move = staticmethod(services.hold)

    @extend_schema(operation_id="approvals_hold", request=shapes.HoldRequest, responses=DETAIL)
    @once
    def post(self, request: Request, approval_id: UUID) -> Response:
        """Keep it from being carried out until it is released; needs a reason. Needs `hitl.hold_approval`."""
        return self.moved(request, approval_id)


def _release(*, hold: str, **options: Any) -> Approval:
    return services.release(name=hold, **options)


class ReleaseHold(MoveView):
    """Let go."""

    permissions: ClassVar = {"POST": "hitl.hold_approval"}
    shape = shapes.Release
    move = staticmethod(_release)

    @extend_schema(operation_id="approvals_release", request=shapes.Release, responses=DETAIL)
    @once
    def post(self, request: Request, approval_id: UUID) -> Response:
        """Remove one hold; 409 `still_held` while its cause persists. Needs `hitl.hold_approval`."""
        return self.moved(request, approval_id)


class Resolve(MoveView):
    """Settle."""

    permissions: ClassVar = {"POST": "hitl.resolve_approval"}
    shape = shapes.Resolution
    move = staticmethod(services.resolve)

    @extend_schema(operation_id="approvals_resolve", request=shapes.Resolution, responses=DETAIL)
    @once
    def post(self, request: Request, approval_id: UUID) -> Response:
        """Say what became of an effect whose outcome is unknown, with evidence. Needs `hitl.resolve_approval`."""
        return self.moved(request, approval_id)


class Workflows(ApiView):
    """Workflows."""

    permissions: ClassVar = {"GET": definitions.VIEW_WORKFLOW}
    query = shapes.WorkflowQuery

    @extend_schema(
        operation_id="workflows_list", parameters=[shapes.WorkflowQuery], responses=paged(shapes.WorkflowSerializer)
    )
    def get(self, request: Request) -> Response:
        """List workflows with their steps, newest first. Needs `hitl.view_approvalworkflow`."""
        asked = self.asked
        found = definitions.page_workflows(
            viewer=actor_of(request), active=asked["active"], cursor=asked["cursor"], limit=asked["limit"]
        )
        return self.page(found.rows, found.cursor, shapes.WorkflowSerializer)


class WorkflowPage(ApiView):
    """One workflow."""

    permissions: ClassVar = {"GET": definitions.VIEW_WORKFLOW}

    @extend_schema(operation_id="workflows_retrieve", responses=shapes.WorkflowSerializer)
    def get(self, request: Request, workflow_id: UUID) -> Response:
        """Read a workflow with its steps. Needs `hitl.view_approvalworkflow`."""
        found = definitions.get_workflow(viewer=actor_of(request), workflow_id=workflow_id)
        return Response(shapes.WorkflowSerializer(found).data)


class KillSwitches(ApiView):
    """Kill switches: list, and throw one."""

    permissions: ClassVar = {"GET": definitions.VIEW_SWITCH, "POST": "hitl.use_killswitch"}
    query = shapes.SwitchQuery

    @extend_schema(
        operation_id="kill_switches_list", parameters=[shapes.SwitchQuery], responses=paged(shapes.SwitchSerializer)
    )
    def get(self, request: Request) -> Response:
        """List the switches that are thrown, or those that were. Needs `hitl.view_approval`."""
        asked = self.asked
        found = definitions.page_switches(
            viewer=actor_of(request), thrown=asked["thrown"], cursor=asked["cursor"], limit=asked["limit"]
        )
        return self.page(found.rows, found.cursor, shapes.SwitchSerializer)

    @extend_schema(
        operation_id="kill_switches_throw", request=shapes.SwitchRequest, responses={201: shapes.SwitchSerializer}
    )
    @once_outside
    def post(self, request: Request) -> Response:
        """Stop everything, one agent or one kind, at once. Needs `hitl.use_killswitch`."""
        switch = services.throw_switch(actor=actor_of(request), **body_of(request, shapes.SwitchRequest))
        return Response(shapes.SwitchSerializer(switch).data, status=201)


class ReleaseSwitch(ApiView):
    """Releases a kill switch."""

    permissions: ClassVar = {"POST": "hitl.use_killswitch"}

    @extend_schema(operation_id="kill_switches_release", request=None, responses=shapes.SwitchSerializer)
    @once_outside
    def post(self, request: Request, switch_id: UUID) -> Response:
        """Let work go on; what was held is checked again first. Needs `hitl.use_killswitch`."""
        switch = services.release_switch(actor=actor_of(request), switch_id=switch_id)
        return Response(shapes.SwitchSerializer(switch).data)
