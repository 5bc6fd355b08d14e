"""Endpoints that invite colleagues."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from rest_framework import serializers

from accounts.members import invitations
from accounts.models import Invitation, Membership
from accounts.permissions.role_limits import MANAGE
from accounts.rest.serializers import PersonSerializer
from core.actors import Actor
from core.clock import now
from core.rest.fields import RowSerializer
from core.rest.operations import does, lists
from core.rest.views import ApiView, ListQuery


class InvitationQuery(ListQuery):
    """Which invitations."""

    standing = serializers.BooleanField(default=False, help_text="Only those that nobody took or withdrew.")


class InvitationRequest(serializers.Serializer[Any]):
    """Whom to invite, and as what."""

    email = serializers.EmailField(max_length=254)
    name = serializers.CharField(max_length=invitations.LONGEST_NAME, default="", allow_blank=True)
    role = serializers.ChoiceField(choices=Membership.Role.choices)


class InvitationSerializer(RowSerializer[Invitation]):
    """A seat that was offered; the address is masked, the link is nowhere but in the mail."""

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


class Invitations(ApiView):
    """Seats that were offered."""

    permissions: ClassVar = {"GET": invitations.VIEW, "POST": MANAGE}

    @lists("invitations_list", InvitationSerializer, query=InvitationQuery)
    def get(self, viewer: Actor) -> QuerySet[Invitation]:
        """List invitations of the last weeks, newest first. Needs `accounts.view_membership`."""
        return invitations.list_invitations(viewer=viewer, standing=self.asked["standing"])

    @does("invitations_create", InvitationRequest, InvitationSerializer, status=201)
    def post(self, actor: Actor, email: str, role: str, name: str) -> Invitation:
        """Invite an address by mail; the same offer again returns the first and sends nothing.

        Needs `accounts.manage_membership` and all that the role allows: 403 `role_above_yours`, or
        `weak_sign_in` for roles that sign or erase where you have a second factor and did not use it, or, in a session,
        `confirm_first` where you have none and gave no password within five minutes. 409 `seated`
        (the address has a seat here) or `invited` (in another role), 429 after so many in a day.
        """
        return invitations.invite_member(actor=actor, email=email, role=role, name=name)


class ResendInvitation(ApiView):
    """Sends an invitation again."""

    permissions: ClassVar = {"POST": MANAGE}

    @does("invitations_resend", None, InvitationSerializer)
    def post(self, actor: Actor, invitation_id: UUID) -> Invitation:
        """Send a new link; the links before count no more. Needs what inviting needs; 409 `over`, `seated`."""
        return invitations.resend_invitation(actor=actor, invitation_id=invitation_id)


class WithdrawInvitation(ApiView):
    """Takes an invitation back."""

    permissions: ClassVar = {"POST": MANAGE}

    @does("invitations_withdraw", None, InvitationSerializer)
    def post(self, actor: Actor, invitation_id: UUID) -> Invitation:
        """Take it back; its link counts no more. Needs what inviting needs; 409 `over`."""
        return invitations.withdraw_invitation(actor=actor, invitation_id=invitation_id)
