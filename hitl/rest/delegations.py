"""Endpoints of seats: passing one on, giving it to another, and out of office."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from rest_framework import serializers

from accounts.rest.serializers import PersonSerializer
from core.actors import Actor
from core.rest.fields import MaskedText, RowSerializer
from core.rest.operations import does, lists
from core.rest.views import ApiView, ListQuery
from hitl import selectors, services
from hitl.models import Approval, Delegation
from hitl.rest.action_serializers import Said, Signed
from hitl.rest.approvals import moves


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


class DelegationSerializer(RowSerializer[Delegation]):
    """A time in which one person signs for another."""

    from_person = PersonSerializer(read_only=True)
    to_person = PersonSerializer(read_only=True)
    opened_by = PersonSerializer(read_only=True, allow_null=True)
    reason = MaskedText()

    class Meta:
        model = Delegation
        fields: ClassVar[list[str]] = "id from_person to_person opened_by starts_at until reason ended_at".split()


class DelegationRequest(serializers.Serializer[Any]):
    """Who is away until when, and who signs meanwhile."""

    to_person = serializers.UUIDField()
    from_person = serializers.UUIDField(required=False, default=None, allow_null=True, help_text="Left out: you.")
    starts_at = serializers.DateTimeField(required=False, default=None, allow_null=True, help_text="Left out: now.")
    until = serializers.DateTimeField()
    reason = serializers.CharField(default="", allow_blank=True, max_length=200)


class Delegate(ApiView):
    """Pass on."""

    permissions: ClassVar = {"POST": "hitl.decide_approval"}

    @moves("approvals_delegate", DelegateRequest)
    def post(self, **said: Any) -> Approval:
        """Pass one's own seat on to a colleague, before voting. Needs `hitl.decide_approval` and an open seat."""
        return services.delegate(**said)


class Reassign(ApiView):
    """Give to another."""

    permissions: ClassVar = {"POST": "hitl.reassign_approval"}

    @moves("approvals_reassign", ReassignRequest)
    def post(self, **said: Any) -> Approval:
        """Give one person's seat to another. Needs `hitl.reassign_approval`."""
        return services.reassign(**said)


class Delegations(ApiView):
    """Out of office: list, and begin."""

    permissions: ClassVar = {"GET": "hitl.decide_approval", "POST": "hitl.decide_approval"}

    @lists("delegations_list", DelegationSerializer, query=DelegationQuery)
    def get(self, viewer: Actor) -> QuerySet[Delegation]:
        """List who is or will be away and who signs meanwhile. Needs `hitl.decide_approval`."""
        return selectors.query_delegations(viewer=viewer, is_open=self.asked["open"])

    @does("delegations_create", DelegationRequest, DelegationSerializer, status=201)
    def post(self, **said: Any) -> Delegation:
        """Lend one's seats, or as administrator somebody else's, until a moment. Needs `hitl.decide_approval`.

        Open seats without a vote move at once and come back at the end; new ones go to the colleague.
        """
        return services.open_delegation(**said)


class EndDelegation(ApiView):
    """Back in the office."""

    permissions: ClassVar = {"POST": "hitl.decide_approval"}

    @does("delegations_end", None, DelegationSerializer)
    def post(self, actor: Actor, delegation_id: UUID) -> Delegation:
        """End a delegation now; lent seats without a vote go back. Needs `hitl.decide_approval`."""
        return services.end_delegation(actor=actor, delegation_id=delegation_id)
