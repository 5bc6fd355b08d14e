"""Endpoints of delegations: out of office."""

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.rest.serializers import PersonSerializer
from core.rest.fields import MaskedText, RowSerializer
from core.rest.filters import ApiFilterSet, OpenFilter
from core.rest.idempotency import idempotent
from core.rest.views import ListViewSet
from hitl.approvals.decide.delegations import end_delegation, open_delegation
from hitl.domain.permissions import DECIDE
from hitl.models import Delegation
from hitl.selectors import approvals as selectors


class DelegationFilters(ApiFilterSet):
    """The filters of delegations."""

    open = OpenFilter(field_name="ended_at", initial=True, help_text="False for those that are over.")


class DelegationSerializer(RowSerializer[Delegation]):
    """A period in which one person approves for another."""

    from_person = PersonSerializer(read_only=True)
    to_person = PersonSerializer(read_only=True)
    opened_by = PersonSerializer(read_only=True, allow_null=True)
    reason = MaskedText()

    class Meta:
        model = Delegation
        fields: ClassVar[list[str]] = "id from_person to_person opened_by starts_at until reason ended_at".split()


class DelegationRequest(serializers.Serializer[Any]):
    """A period in which a colleague approves for someone who is away."""

    to_person = serializers.UUIDField()
    from_person = serializers.UUIDField(required=False, default=None, allow_null=True, help_text="Left out: you.")
    starts_at = serializers.DateTimeField(required=False, default=None, allow_null=True, help_text="Left out: now.")
    until = serializers.DateTimeField()
    reason = serializers.CharField(default="", allow_blank=True, max_length=200)


class DelegationViewSet(ListViewSet):
    """Delegations."""

    descriptions: ClassVar = {
        "list": "List who is or will be away and who approves for them.",
    }
    permissions: ClassVar = {"list": DECIDE, "create": DECIDE, "end": DECIDE}
    serializer_class = DelegationSerializer
    request_serializers: ClassVar = {"create": DelegationRequest}
    filterset_class = DelegationFilters
    lookup_url_kwarg = "delegation_id"
    list_rows = staticmethod(selectors.query_delegations)

    @idempotent
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Delegate your decisions, or as administrator someone else's, until a moment.

        Open assignments without a vote move at once and come back at the end; new ones go to the colleague.
        """
        return self.call_service(open_delegation)

    @action(detail=True, methods=["post"])
    @idempotent
    def end(self, request: Request, **kwargs: Any) -> Response:
        """End a delegation now; delegated assignments without a vote go back."""
        return self.call_service(end_delegation)
