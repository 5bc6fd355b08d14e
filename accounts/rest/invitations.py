"""Endpoints of invitations."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.members import invitations
from accounts.models import Invitation
from accounts.permissions.role_limits import MANAGE
from accounts.rest.serializers import PersonSerializer
from core.clock import now
from core.rest.fields import RowSerializer
from core.rest.filters import ApiFilterSet, BooleanFilter
from core.rest.idempotency import idempotent
from core.rest.views import ListViewSet


class InvitationFilters(ApiFilterSet):
    """The filters of invitations."""

    standing = BooleanFilter(
        method="filter_standing", initial=False, help_text="Only those that were neither accepted nor withdrawn."
    )

    def filter_standing(self, queryset: QuerySet[Invitation], name: str, value: bool) -> QuerySet[Invitation]:
        """Return only the invitations that can still be accepted, if asked."""
        return queryset.filter(invitations.PENDING) if value else queryset


class InvitationRequest(serializers.Serializer[Any]):
    """The address to invite, and its role."""

    email = serializers.EmailField(max_length=254)
    name = serializers.CharField(max_length=invitations.LONGEST_NAME, default="", allow_blank=True)
    role = serializers.CharField(max_length=14, help_text="A built-in role, or the key of an own one.")


class InvitationSerializer(RowSerializer[Invitation]):
    """An invitation. The address is masked; the link is only in the mail."""

    role = serializers.CharField(read_only=True)
    state = serializers.SerializerMethodField()
    invited_by = PersonSerializer(read_only=True, allow_null=True)

    class Meta:
        model = Invitation
        fields: ClassVar[list[str]] = (
            "id masked_address role state round mailed_at mail_problem invited_by sent_at expires_at accepted_at "
            "withdrawn_at"
        ).split()

    def get_state(self, row: Invitation) -> str:
        """Return `open`, `accepted`, `withdrawn` or `ended`."""
        return row.state(now())


class InvitationViewSet(ListViewSet):
    """Invitations."""

    descriptions: ClassVar = {
        "list": "List invitations of the last weeks, newest first.",
    }
    permissions: ClassVar = {"list": invitations.VIEW, "create": MANAGE, "resend": MANAGE, "withdraw": MANAGE}
    serializer_class = InvitationSerializer
    request_serializers: ClassVar = {"create": InvitationRequest}
    filterset_class = InvitationFilters
    lookup_url_kwarg = "invitation_id"
    list_rows = staticmethod(invitations.list_invitations)

    @idempotent
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Invite an address by mail; the same offer again returns the first and sends nothing.

        Needs `accounts.manage_membership` and all that the role allows: 403 `role_above_yours`, or
        `weak_sign_in` for roles that approve or erase where you have a second factor and did not use it, or, in
        a session, `confirm_first` where you have none and gave no password within five minutes. 409
        `already_member` (the address belongs to a member) or `invited` (in another role), 429 after too many in
        a day.
        """
        return self.call_service(invitations.invite_member)

    @action(detail=True, methods=["post"])
    @idempotent
    def resend(self, request: Request, **kwargs: Any) -> Response:
        """Send a new link; earlier links stop working. Needs what inviting needs; 409 `over`, `already_member`."""
        return self.call_service(invitations.resend_invitation)

    @action(detail=True, methods=["post"])
    @idempotent
    def withdraw(self, request: Request, **kwargs: Any) -> Response:
        """Withdraw an invitation; its link stops working. Needs what inviting needs; 409 `over`."""
        return self.call_service(invitations.withdraw_invitation)
