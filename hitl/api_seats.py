"""Endpoints of seats: passing one on, giving it to another, and out of office."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core.keyset import page_of
from core.rest.authentication import actor_of
from core.rest.fields import PersonSerializer
from core.rest.idempotent import once
from core.rest.schema import paged
from core.rest.views import ApiView, ListQuery, body_of
from hitl import selectors, services
from hitl.api import DETAIL, MoveView
from hitl.api_shapes_moves import Said, Signed
from hitl.models import Delegation


class DelegateRequest(Signed):
    """Who takes the seat."""

    to = serializers.UUIDField(help_text="A colleague who may sign.")


class ReassignRequest(Said):
    """Whose seat goes to whom."""

    from_person = serializers.UUIDField(help_text="Who has the seat now.")
    to = serializers.UUIDField(help_text="A colleague who may sign.")


class DelegationQuery(ListQuery):
    """Which delegations."""

    open = serializers.BooleanField(default=True, help_text="False for those that are over.")


class DelegationSerializer(serializers.ModelSerializer[Delegation]):
    """A time in which one person signs for another."""

    from_person = PersonSerializer(read_only=True)
    to_person = PersonSerializer(read_only=True)

    class Meta:
        model = Delegation
        fields: ClassVar[list[str]] = "id from_person to_person starts_at until ended_at".split()
        read_only_fields = fields


class DelegationRequest(serializers.Serializer[Any]):
    """Who is away until when, and who signs meanwhile."""

    to_person = serializers.UUIDField()
    from_person = serializers.UUIDField(required=False, default=None, allow_null=True, help_text="Left out: you.")
    starts_at = serializers.DateTimeField(required=False, default=None, allow_null=True, help_text="Left out: now.")
    until = serializers.DateTimeField()
    reason = serializers.CharField(default="", allow_blank=True, max_length=200)


class Delegate(MoveView):
    """Pass on."""

    permissions: ClassVar = {"POST": "hitl.decide_approval"}
    shape = DelegateRequest
    move = staticmethod(services.delegate)

    @extend_schema(operation_id="approvals_delegate", request=DelegateRequest, responses=DETAIL)
    @once
    def post(self, request: Request, approval_id: UUID) -> Response:
        """Pass one's own seat on to a colleague, before voting. Needs `hitl.decide_approval` and an open seat."""
        return self.moved(request, approval_id)


class Reassign(MoveView):
    """Give to another."""

    permissions: ClassVar = {"POST": "hitl.reassign_approval"}
    shape = ReassignRequest
    move = staticmethod(services.reassign)

    @extend_schema(operation_id="approvals_reassign", request=ReassignRequest, responses=DETAIL)
    @once
    def post(self, request: Request, approval_id: UUID) -> Response:
        """Give one person's seat to another. Needs `hitl.reassign_approval`."""
        return self.moved(request, approval_id)


class Delegations(ApiView):
    """Out of office: list, and begin."""

    permissions: ClassVar = {"GET": "hitl.decide_approval", "POST": "hitl.decide_approval"}
    query = DelegationQuery

    @extend_schema(operation_id="delegations_list", parameters=[DelegationQuery], responses=paged(DelegationSerializer))
    def get(self, request: Request) -> Response:
        """List who is or will be away and who signs meanwhile. Needs `hitl.decide_approval`."""
        rows = selectors.query_delegations(viewer=actor_of(request), is_open=self.asked["open"])
        found = page_of(rows, cursor=self.asked["cursor"], limit=self.asked["limit"])
        return self.page(found.rows, found.cursor, DelegationSerializer)

    @extend_schema(operation_id="delegations_create", request=DelegationRequest, responses={201: DelegationSerializer})
    @once
    def post(self, request: Request) -> Response:
        """Lend one's seats, or as administrator somebody else's, until a moment. Needs `hitl.decide_approval`.

        Open seats without a vote move at once and come back at the end; new ones go to the colleague.
        """
        row = services.open_delegation(actor=actor_of(request), **body_of(request, DelegationRequest))
        return Response(DelegationSerializer(row).data, status=201)


class EndDelegation(ApiView):
    """Back in the office."""

    permissions: ClassVar = {"POST": "hitl.decide_approval"}

    @extend_schema(operation_id="delegations_end", request=None, responses=DelegationSerializer)
    @once
    def post(self, request: Request, delegation_id: UUID) -> Response:
        """End a delegation now; lent seats without a vote go back. Needs `hitl.decide_approval`."""
        row = services.end_delegation(actor=actor_of(request), delegation_id=delegation_id)
        return Response(DelegationSerializer(row).data)
