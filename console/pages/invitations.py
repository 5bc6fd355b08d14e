"""Inviting colleagues from the page of people: the form, what is open, and sending or taking back one of them."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from accounts.members import invitations
from accounts.models import Invitation, Membership
from accounts.permissions.role_limits import MANAGE, can_grant_role
from accounts.permissions.roles import permissions_of
from console.base.actions import ServiceAction, service_action
from console.base.forms import ConsoleForm
from console.base.model_admin import ServiceAdmin
from console.permissions import powers
from console.templatetags.console_ui import chip
from console.viewers import viewer_of
from core.actors import Actor
from core.clock import now

SHOWN: Final = 50
WHY: Final = "What the mail met"
STATES: Final = {
    "open": ("Open", "info", "clock"),
    "accepted": ("Accepted", "good", "check"),
    "withdrawn": ("Withdrawn", "neutral", "ban"),
    "ended": ("Ended", "warn", "clock"),
}


def roles_to_give(actor: Actor) -> list[tuple[str, str]]:
    """Return the roles that allow nothing the actor does not hold himself."""
    return [(role, label) for role, label in Membership.Role.choices if can_grant_role(actor, role)]


class InviteForm(ConsoleForm):
    """Whom to invite, and as what."""

    email = forms.EmailField(
        label="Email address", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )
    name = forms.CharField(
        label="Name (optional)",
        max_length=invitations.LONGEST_NAME,
        required=False,
        help_text="For the greeting of the mail.",
    )
    role = forms.ChoiceField(label="Role", help_text="You can give what your own role allows.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = self.initial.get("roles", [])  # type: ignore[attr-defined]


class InviteActions(ServiceAdmin):
    """The part of the page of people that is about those who are to come."""

    change_list_template = "console/people.html"

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        """Add what is open."""
        found = super().list_context(request)
        if not self.has_view_permission(request):
            return found  # the list itself refuses
        rows = invitations.list_invitations(viewer=viewer_of(request), standing=True)[: SHOWN + 1]
        lines = [_line(row) for row in rows]
        return {**found, "invitations": lines[:SHOWN], "has_more": len(lines) > SHOWN}

    @service_action(
        path="invite",
        title="Invite a colleague",
        permission=MANAGE,
        form=InviteForm,
        submit="Send the invitation",
        tone="primary",
        explain="A mail brings a link that counts once, for some days. The seat is there when the link was used.",
        on_list=True,
    )
    def invite(self, request: HttpRequest, obj: None, form: ConsoleForm) -> str:
        """Offer a seat to an address."""
        wanted = {name: form.cleaned_data[name] for name in ("email", "name", "role")}
        invitations.invite_member(actor=viewer_of(request), **wanted)
        return "The invitation is on its way. Below stands whether it was sent."


def _line(row: Invitation) -> dict[str, Any]:
    return {
        "url": reverse("admin:accounts_invitation_change", args=[row.pk]),
        "name": row.name or "Without a name",
        "address": row.masked_address,
        "role": row.get_role_display(),
        "inviter": inviter_of(row),
        "mail": mail_chip(row),
        "state": row.state(now()),
        "ends_at": row.expires_at,
    }


def inviter_of(row: Invitation) -> str:
    """Return who stands for it."""
    return row.invited_by.get_full_name() if row.invited_by else "The operator"


def mail_chip(row: Invitation) -> str:
    """Tell whether the mail left."""
    if row.mail_problem:
        return chip("Mail not delivered", "danger", "x-circle")
    return chip("Mail sent", "good", "send") if row.mailed_at else chip("Mail is being sent", "neutral", "clock")


@admin.register(Invitation)
class InvitationAdmin(ServiceAdmin):
    """One invitation; the list of people leads here, and it stands in no navigation."""

    view_permission = invitations.VIEW
    intro = "Every invitation of the last weeks, and what became of it."
    empty_title = "Nobody was invited yet"
    empty_text = "Invite colleagues on the page of people."
    masked_fields = ("address", "address_digest", "name", "digest")
    list_display = ("whom", "role_offered", "standing", "mail", "inviter", "sent_at", "expires_at")
    ordering = ("-id",)
    detail_fields = (
        "whom", "role_offered", "standing", "mail", "trouble", "inviter", "sent_at", "expires_at", "allowed",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Invitation]:
        """Read the invitations with who made them."""
        return super().get_queryset(request).select_related("invited_by")

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        """Give the list its name."""
        return {**super().list_context(request), "title": "Invitations"}

    def detail_context(self, request: HttpRequest, row: Invitation) -> dict[str, Any]:
        """Lead back to the people; what is over offers nothing."""
        found = super().detail_context(request, row)
        if row.accepted_at or row.withdrawn_at:
            found["offered"] = []
        if not row.mail_problem:
            found["rows"] = [pair for pair in found["rows"] if pair[0] != WHY]
        return {**found, "list_title": "People", "list_url": people_url()}

    def object_title(self, row: Invitation) -> str:
        """Return whom it is about, masked."""
        return f"Invitation of {row.masked_address}"

    @admin.display(description="Invited")
    def whom(self, row: Invitation) -> str:
        """Return the name that was given, and the masked address."""
        return format_html('{}<span class="wk-cell-note">{}</span>', row.name or "Without a name", row.masked_address)

    @admin.display(description="Role")
    def role_offered(self, row: Invitation) -> str:
        """Return the role."""
        return chip(row.get_role_display(), "accent" if row.role in ("owner", "admin") else "neutral", "person")

    @admin.display(description="State")
    def standing(self, row: Invitation) -> str:
        """Tell whether it can still be taken."""
        return chip(*STATES[row.state(now())])

    @admin.display(description="Mail")
    def mail(self, row: Invitation) -> str:
        """Tell whether the mail left."""
        return mail_chip(row)

    @admin.display(description=WHY)
    def trouble(self, row: Invitation) -> str:
        """Return why the mail did not arrive."""
        return row.mail_problem

    @admin.display(description="Invited by")
    def inviter(self, row: Invitation) -> str:
        """Return who stands for it."""
        return inviter_of(row)

    @admin.display(description="Allows")
    def allowed(self, row: Invitation) -> str:
        """Return what the role allows."""
        return powers(permissions_of(row.role))

    def after_action_url(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        """Go back to the people."""
        return people_url()

    @service_action(
        path="resend",
        title="Send it again",
        permission=MANAGE,
        explain="A new mail with a new link leaves; the links before count no more, and the days begin again.",
    )
    def resend(self, request: HttpRequest, row: Invitation, form: ConsoleForm) -> str:
        """Send a new link."""
        invitations.resend_invitation(actor=viewer_of(request), invitation_id=row.pk)
        return "A new mail is on its way."

    @service_action(
        path="withdraw",
        title="Withdraw it",
        permission=MANAGE,
        tone="danger",
        explain="The link counts no more. Nobody is told.",
    )
    def withdraw(self, request: HttpRequest, row: Invitation, form: ConsoleForm) -> str:
        """Take it back."""
        invitations.withdraw_invitation(actor=viewer_of(request), invitation_id=row.pk)
        return "The invitation is withdrawn."


def people_url() -> str:
    """Return where the people are listed."""
    return reverse("admin:accounts_membership_changelist")
