"""Console pages of invitations: inviting colleagues, open invitations, resending and withdrawing."""

from typing import Any, Final

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from accounts.members import invitations
from accounts.models import Invitation, Membership
from accounts.permissions.role_limits import MANAGE, has_all_of
from accounts.permissions.roles import label_of, permissions_of, roles_here, with_role
from console.base.actions import ServiceAction
from console.base.crud import calls
from console.base.forms import ConsoleForm
from console.base.lists import Column
from console.base.model_admin import ServiceAdmin
from console.extensions import Step, steps
from console.navigation import ORGANISATION, SETTINGS, Nav
from console.permissions import list_permissions
from console.templatetags.console_ui import chip
from console.viewers import viewer_of
from core.actors import Actor
from core.clock import now

MOST_LISTED: Final = 50
PROBLEM: Final = "Delivery problem"
STATES: Final = {
    "open": ("Open", "info", "clock"),
    "accepted": ("Accepted", "good", "check"),
    "withdrawn": ("Withdrawn", "neutral", "ban"),
    "ended": ("Expired", "warn", "clock"),
}


def list_grantable_roles(actor: Actor) -> list[tuple[str, str]]:
    """Return the roles the actor can grant: none above their own. One query."""
    return [(key, role.name) for key, role in roles_here().items() if has_all_of(actor, key, role.permissions)]


class InviteColleagues(Step):
    """The first colleague."""

    title, order, permission = "Invite colleagues", 50, MANAGE
    text, page = "Nobody approves their own request: it takes two.", "admin:accounts_membership_changelist"

    def is_done(self, viewer: Actor) -> bool:
        """Return True if somebody else is a member, or invited."""
        others = Membership.objects.filter(is_active=True).exclude(user_id=viewer.user_id)
        return others.exists() or invitations.list_invitations(viewer=viewer, standing=True).exists()


steps.register("accounts.colleagues", InviteColleagues)


class InviteForm(ConsoleForm):
    """Address, name and role of a new colleague."""

    email = forms.EmailField(
        label="Email address", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )
    name = forms.CharField(
        label="Name (optional)",
        max_length=invitations.LONGEST_NAME,
        required=False,
        help_text="Used to greet them in the email.",
    )
    role = forms.ChoiceField(label="Role", help_text="You can assign roles up to your own.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = self.initial.get("roles", [])  # type: ignore[attr-defined]


class InviteActions(ServiceAdmin):
    """The part of the people page about invitations."""

    change_list_template = "console/people.html"

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        """Add open invitations."""
        context = super().list_context(request)
        rows = invitations.list_invitations(viewer=viewer_of(request), standing=True)[: MOST_LISTED + 1]
        lines = [
            {
                "url": reverse("admin:accounts_invitation_change", args=[row.pk]),
                "name": row.name or "No name",
                "address": row.masked_address,
                "role": label_of(row),
                "inviter": inviter_of(row),
                "mail": mail_chip(row),
                "state": row.state(now()),
                "ends_at": row.expires_at,
            }
            for row in rows
        ]
        return {**context, "invitations": lines[:MOST_LISTED], "has_more": len(lines) > MOST_LISTED}

    invite = calls(
        invitations.invite_member,
        title="Invite a colleague",
        permission=MANAGE,
        form=InviteForm,
        submit="Send invitation",
        tone="primary",
        explain="They'll get an email with a link that works once and expires after a few days. They join with it.",
        done="The invitation is on its way. You can follow it in the list below.",
    )


def role_chip(row: Membership | Invitation) -> str:
    """Return the role as a chip."""
    return chip(label_of(row), "accent" if row.role in ("owner", "admin") else "neutral", "person")


def inviter_of(row: Invitation) -> str:
    """Return the name of the inviter."""
    return row.invited_by.get_full_name() if row.invited_by else "The operator"


def mail_chip(row: Invitation) -> str:
    """Return whether the email was sent, as a chip."""
    if row.mail_problem:
        return chip("Email not delivered", "danger", "x-circle")
    return chip("Email sent", "good", "send") if row.mailed_at else chip("Sending email", "neutral", "clock")


@admin.register(Invitation)
class InvitationAdmin(ServiceAdmin):
    """Invitations; linked from the people page, not from the navigation."""

    view_permission = invitations.VIEW
    nav = Nav("Invitations", "mail", SETTINGS, ORGANISATION, within="People")
    intro = "Invitations of the last weeks and their status."
    empty_title = "No invitations yet"
    empty_text = "Invite colleagues from the People page."
    masked_fields = ("address", "address_digest", "name", "digest")
    list_display = ("invitee", "role_offered", "standing", "mail", "inviter", "sent_at", "expires_at")
    ordering = ("-id",)
    detail_fields = (
        "invitee", "role_offered", "standing", "mail", "trouble", "inviter", "sent_at", "expires_at", "allowed",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Invitation]:
        """Load the invitations with their inviters and roles."""
        return with_role(super().get_queryset(request)).select_related("invited_by")

    def detail_context(self, request: HttpRequest, row: Invitation) -> dict[str, Any]:
        """Return the invitation; closed ones have no actions."""
        context = super().detail_context(request, row)
        if row.accepted_at or row.withdrawn_at:
            context["offered"] = []
        if not row.mail_problem:
            context["rows"] = [pair for pair in context["rows"] if pair[0] != PROBLEM]
        return context

    def object_title(self, row: Invitation) -> str:
        """Return a heading with the masked address."""
        return f"Invitation for {row.masked_address}"

    invitee = Column[Invitation](
        "Invited",
        lambda row: format_html('{}<span class="wk-cell-note">{}</span>', row.name or "No name", row.masked_address),
    )
    role_offered = Column[Invitation]("Role", role_chip)
    standing = Column[Invitation]("Status", lambda row: chip(*STATES[row.state(now())]))
    mail = Column[Invitation]("Email", mail_chip)
    trouble = Column[Invitation](PROBLEM, lambda row: row.mail_problem)
    inviter = Column[Invitation]("Invited by", inviter_of)
    allowed = Column[Invitation](
        "Permissions", lambda row: list_permissions(permissions_of(row.role, row.own_permissions))
    )

    def after_action_url(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        """Return to the people page."""
        return people_url()

    resend = calls(
        invitations.resend_invitation,
        "invitation_id",
        title="Resend invitation",
        permission=MANAGE,
        explain="Sends a new email with a new link. Earlier links stop working.",
        done="A new email is on its way.",
    )
    withdraw = calls(
        invitations.withdraw_invitation,
        "invitation_id",
        title="Withdraw invitation",
        permission=MANAGE,
        tone="danger",
        explain="The link stops working. Nobody is notified.",
        done="The invitation was withdrawn.",
    )


def people_url() -> str:
    """Return the URL of the people page."""
    return reverse("admin:accounts_membership_changelist")
