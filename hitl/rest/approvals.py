"""Endpoints of approvals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.actors import Actor
from core.clock import now
from core.reliability.idempotency import KEPT_FOR, digest
from core.rest.authentication import actor_of
from core.rest.idempotent import HEADER, once, once_outside
from core.rest.operations import Handler, Shape, does, lists, reads, tells
from core.rest.views import ApiView, StoryQuery, body_of
from hitl import selectors, services
from hitl.actions.base import Origin
from hitl.models import Approval, Execution
from hitl.rest import serializers as shapes
from hitl.selectors import Filters, timeline

CHANNEL: Final = "api"
DETAIL: Final = shapes.ApprovalDetailSerializer


class Approvals(ApiView):
    """Approvals: list, and ask for one."""

    permissions: ClassVar = {"GET": selectors.VIEW, "POST": "hitl.propose_approval"}

    @lists("approvals_list", shapes.ApprovalSerializer, query=shapes.ApprovalQuery)
    def get(self, viewer: Actor) -> QuerySet[Approval]:
        """List approvals, newest first. Needs `hitl.view_approval`."""
        return selectors.query_approvals(viewer=viewer, filters=_filters(viewer, self.asked))

    @extend_schema(operation_id="approvals_create", request=shapes.Proposal, responses={201: DETAIL})
    @once_outside
    def post(self, request: Request) -> Response:
        """Ask for a risky action; people decide. Needs `hitl.propose_approval`.

        The current state of what is touched is looked up outside first: 503 when that is away, 403
        `paused` under a kill switch. With the same `dedupe_key` for the same kind your open approval is the answer.
        """
        wanted, actor, again = body_of(request, shapes.Proposal), actor_of(request), _repeat_key(request)
        kind, own = wanted["kind"], wanted["dedupe_key"]
        found = (
            None
            if own or not again
            else services.find_repeat(actor=actor, kind=kind, dedupe_key=again, since=now() - KEPT_FOR)
        )
        approval = found or services.propose(
            actor=actor,
            kind=kind,
            params=wanted["params"],
            origin=_origin(actor, wanted),
            dedupe_key=own or again,
        )
        return shown(self, approval.pk, status=201)


def _filters(viewer: Actor, asked: dict[str, Any]) -> Filters:
    people = {name: viewer.user_id if asked[name] == "me" else asked[name] for name in ("assignee", "requester")}
    return Filters(
        states=tuple(asked["state"]),
        risk_levels=tuple(asked["risk"]),
        kind=asked["kind"],
        assignee_id=people["assignee"],
        requester_id=people["requester"],
        agent_id=asked["agent"],
        hold=asked["hold"],
        tag=asked["tag"],
        overdue=asked["overdue"],
        q=asked["q"],
    )


def _origin(actor: Actor, wanted: dict[str, Any]) -> Origin:
    return Origin(
        requester_user_id=actor.user_id,
        channel=CHANNEL,
        address=actor.address,
        user_agent=actor.user_agent,
        notes=wanted["notes"],
        priority=wanted["priority"],
        tags=tuple(wanted["tags"]),
        custom=wanted["custom"],
    )


def _repeat_key(request: Request) -> str:
    """A repetition after a crash, whose first answer was lost, finds the approval by this, closed as it may be."""
    key = request.headers.get(HEADER)
    return f"api:{digest(key, request._request.body)}" if key else ""


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

    query = StoryQuery

    @tells("approvals_history", shapes.HappeningSerializer, key="seq")
    def get(self, viewer: Actor, approval_id: UUID, **part: Any) -> list[timeline.TimelineEntry]:
        """Read what happened, oldest first, the newest 500 entries or those before a number. Needs
        `hitl.view_approval`."""
        selectors.get_approval(viewer=viewer, approval_id=approval_id)
        return timeline.history(viewer=viewer, approval_id=approval_id, **part)


class ApprovalExecutions(ApiView):
    """What was done about an approval."""

    permissions: ClassVar = {"GET": selectors.VIEW}

    @reads("approvals_executions", shapes.ExecutionSerializer, many=True)
    def get(self, viewer: Actor, approval_id: UUID) -> list[Execution]:
        """Read the executions, one per revision. Needs `hitl.view_approval`."""
        selectors.get_approval(viewer=viewer, approval_id=approval_id)
        return selectors.list_executions(viewer=viewer, approval_id=approval_id)


def moves(
    name: str, body: Shape = shapes.Move, *, kept: Callable[[Handler], Handler] = once
) -> Callable[[Callable[..., Any]], Handler]:
    """Make a POST of one move of an approval; answers with the approval as it is then."""
    return does(name, body, DETAIL, show=shown, kept=kept)


class Approve(ApiView):
    """Sign."""

    permissions: ClassVar = {"POST": "hitl.decide_approval"}

    @moves("approvals_approve", shapes.Verdict)
    def post(self, **said: Any) -> Approval:
        """Sign exactly what the digest stands for. Needs `hitl.decide_approval` and an open seat.

        403 `four_eyes` for one's own request, `no_seat`, `weak_sign_in`; 409 `stale_digest` when it
        changed, 409 with the winner when it is decided.
        """
        return services.decide(verdict="approve", channel=CHANNEL, **said)


class Reject(ApiView):
    """Refuse."""

    permissions: ClassVar = {"POST": "hitl.decide_approval"}

    @moves("approvals_reject", shapes.Verdict)
    def post(self, **said: Any) -> Approval:
        """Refuse exactly what the digest stands for. Needs what approving needs, and a reason where the step asks."""
        return services.decide(verdict="reject", channel=CHANNEL, **said)


class Cancel(ApiView):
    """Withdraw."""

    permissions: ClassVar = {"POST": "hitl.cancel_approval"}

    @moves("approvals_cancel")
    def post(self, **said: Any) -> Approval:
        """Withdraw one's own request, or any as administrator. Needs `hitl.cancel_approval`."""
        return services.cancel(**said)


class Revoke(ApiView):
    """Take back."""

    permissions: ClassVar = {"POST": "hitl.revoke_approval"}

    @moves("approvals_revoke")
    def post(self, **said: Any) -> Approval:
        """Take a signature back before it is carried out. Needs `hitl.revoke_approval`."""
        return services.revoke(**said)


class Hold(ApiView):
    """Hold back."""

    permissions: ClassVar = {"POST": "hitl.hold_approval"}

    @moves("approvals_hold", shapes.HoldRequest)
    def post(self, **said: Any) -> Approval:
        """Keep it from being carried out until it is released; needs a reason. Needs `hitl.hold_approval`."""
        return services.hold(**said)


class ReleaseHold(ApiView):
    """Let go."""

    permissions: ClassVar = {"POST": "hitl.hold_approval"}

    @moves("approvals_release", shapes.Release)
    def post(self, hold: str, **said: Any) -> Approval:
        """Remove one hold; 409 `still_held` while its cause persists. Needs `hitl.hold_approval`."""
        return services.release(name=hold, **said)


class Resolve(ApiView):
    """Settle."""

    permissions: ClassVar = {"POST": "hitl.resolve_approval"}

    @moves("approvals_resolve", shapes.Resolution)
    def post(self, **said: Any) -> Approval:
        """Say what became of an effect whose outcome is unknown, with evidence. Needs `hitl.resolve_approval`."""
        return services.resolve(**said)
