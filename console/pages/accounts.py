"""Console pages of members and API keys."""

from collections import Counter
from datetime import timedelta
from typing import Any, ClassVar

from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html

from accounts import services
from accounts.members import pictures
from accounts.models import ApiKey, Membership, Role, Tenant
from accounts.permissions.factor_rules import MOST_DAYS, set_factor_rule
from accounts.permissions.role_limits import FACTORS, MANAGE, STRONG
from accounts.permissions.roles import label_of, name_of_role, permissions_of, role_choices, with_role
from accounts.permissions.team_scope import LIMITABLE, set_team_scope
from accounts.privacy.erasure import erase_member
from accounts.sign_in import factor_resets
from console.base.actions import ServiceAction, service_action, show_once
from console.base.crud import calls
from console.base.forms import ConsoleForm
from console.base.lists import Column, SelectFilter, choose
from console.base.model_admin import ServiceAdmin
from console.erasure_form import EraseForm, redirect_to_progress, why_not_erase
from console.extensions import MOST_FOUND, Finder, Found, finders
from console.navigation import ORGANISATION, SETTINGS, Nav
from console.pages.invitations import InviteActions, list_grantable_roles, role_chip
from console.permissions import group_by_area, list_permissions
from console.templatetags.console_ui import avatar, chip, moment
from console.viewers import viewer_of
from core.actors import Actor
from core.clock import now
from core.privacy.erasure.person import NOBODY
from core.privacy.pii import mask_value

DAY = timedelta(days=1)
MOST_WORDS = 5
RESETS = ("reset-factor", "agree-reset", "refuse-reset")


class PeopleFinder(Finder):
    """Colleagues by their names; addresses are masked on their pages, and not searched."""

    title, order, permission = "People", 20, "accounts.view_membership"

    def find(self, viewer: Actor, words: str) -> list[Found]:
        """Return the members whose first or last name begins with each of the words, active ones first."""
        rows = with_role(Membership.objects.filter(erased_at=None)).select_related("user").order_by("-is_active", "id")
        for word in words.split()[:MOST_WORDS]:
            rows = rows.filter(Q(user__first_name__istartswith=word) | Q(user__last_name__istartswith=word))
        return [
            Found(
                str(row.user.get_full_name()),
                label_of(row) if row.is_active else "Inactive",
                reverse("admin:accounts_membership_change", args=[row.pk]),
            )
            for row in rows[:MOST_FOUND]
        ]


finders.register("accounts.people", PeopleFinder)


class RoleForm(ConsoleForm):
    """A member's new role."""

    role = forms.ChoiceField(label="Role")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = role_choices()  # type: ignore[attr-defined]


class FactorRuleForm(ConsoleForm):
    """Which roles need a second factor, and how soon."""

    roles = forms.MultipleChoiceField(
        label="Roles that need a second factor", required=False, widget=forms.CheckboxSelectMultiple
    )
    days = forms.IntegerField(
        label="Days of grace for roles you add",
        min_value=0,
        max_value=MOST_DAYS,
        initial=7,
        help_text="Roles that need one already keep their day.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["roles"].choices = role_choices()  # type: ignore[attr-defined]


class TeamScopeForm(ConsoleForm):
    """Which conversations a member sees."""

    own_teams_only = forms.TypedChoiceField(
        label="Sees",
        choices=[("no", "Conversations of all teams"), ("yes", "Only conversations of their own teams")],
        coerce=lambda value: value == "yes",
        widget=forms.RadioSelect,
    )


def notes_on(request: HttpRequest, memberships: list[Membership]) -> list[str]:
    """Return a note under each name that tells colleagues apart without showing whole addresses.

    The domain is shown if it is the viewer's own; people who share a name also get the end of their id.
    """
    own = str(getattr(request.user, "mail_address", "")).rpartition("@")[2]
    names = Counter(membership.user.get_full_name() for membership in memberships)
    notes = []
    for membership in memberships:
        address = membership.user.mail_address
        mask = mask_value("email", address)
        if own and address.rpartition("@")[2].lower() == own.lower():
            mask = f"{mask.partition('@')[0]}@{own}"
        parts = [mask]
        if membership.user_id == request.user.pk:
            parts.append("you")
        if names[membership.user.get_full_name()] > 1:
            parts.append(f"id …{str(membership.user_id)[-6:]}")
        notes.append(" · ".join(parts))
    return notes


class RoleFilter(SelectFilter):
    """Filters by role."""

    title, parameter_name, field = "Role", "role", "role"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the roles, the organisation's own ones last."""
        return role_choices()


@admin.register(Membership)
class MembershipAdmin(InviteActions, ServiceAdmin):
    """Members of the tenant and their roles."""

    view_permission = "accounts.view_membership"
    nav = Nav("People", "users", SETTINGS, ORGANISATION, order=20)
    intro = (
        "Members of your organisation and their roles. "
        "If you manage people, invite colleagues here. They join through the link in an email."
    )
    masked_fields = ("user", "user__email")
    list_display = ("person", "role_chip", "standing", "second_factor", "joined", "last_seen")
    list_filter: ClassVar = [
        RoleFilter,
        choose("is_active", "Status", [("True", "Active"), ("False", "Inactive")], parameter="membership"),
    ]
    ordering = ("id",)
    detail_fields = ("person", "role_chip", "standing", "sees", "second_factor", "allowed", "joined", "last_seen")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        """Load the people with their memberships and roles."""
        return with_role(super().get_queryset(request)).select_related("user")

    def prepare_rows(self, request: HttpRequest, rows: list[Membership]) -> None:
        """Load who has a second factor, and add notes that tell people apart."""
        people = [membership.user_id for membership in rows]
        kinds = Authenticator.objects.filter(user_id__in=people, type__in=FACTORS)
        strong = set(kinds.values_list("user_id", flat=True))
        for membership, note in zip(rows, notes_on(request, rows), strict=True):
            membership.has_second_factor = membership.user_id in strong  # type: ignore[attr-defined]
            membership.note = note  # type: ignore[attr-defined]

    def object_title(self, membership: Membership) -> str:
        """Return the person's name."""
        return NOBODY if membership.erased_at else str(membership.user.get_full_name())

    @admin.display(description="Person")
    def person(self, membership: Membership) -> str:
        """Return the name and the note."""
        if membership.erased_at:
            return NOBODY
        name, note = membership.user.get_full_name(), getattr(membership, "note", "")
        return format_html(
            '<span class="wk-person">{}<span>{}<span class="wk-cell-note">{}</span></span></span>',
            avatar(name, membership.picture_key),
            name,
            note,
        )

    role_chip = Column[Membership]("Role", role_chip)

    @admin.display(description="Status")
    def standing(self, membership: Membership) -> str:
        """Return the membership's status."""
        if membership.erased_at:
            return chip("Erased", "neutral", "ban")
        is_active = membership.is_active and membership.user.is_active
        return chip("Active", "good", "check") if is_active else chip("Inactive", "neutral", "ban")

    @admin.display(description="Conversations")
    def sees(self, membership: Membership) -> str:
        """Return whose conversations they see."""
        if membership.own_sees == Role.Sees.ASSIGNED:
            return "Those assigned to them"
        return "Of their own teams, and those assigned to them" if membership.own_teams_only else "Of all teams"

    @admin.display(description="Second factor")
    def second_factor(self, membership: Membership) -> str:
        """Return whether a second factor is set up; warn if the role can approve or erase."""
        if getattr(membership, "has_second_factor", False):
            return chip("On", "good", "shield")
        allowed = permissions_of(membership.role, membership.own_permissions)
        matters = membership.is_active and membership.user.is_active and bool(allowed & STRONG)
        return chip("Not set up", "warn", "alert") if matters else "–"

    joined = Column[Membership]("Joined", lambda membership: str(moment(membership.created_at)))
    last_seen = Column[Membership]("Last sign-in", lambda membership: str(moment(membership.last_login_at)))
    allowed = Column[Membership](
        "Permissions", lambda row: list_permissions(permissions_of(row.role, row.own_permissions))
    )

    def why_not(self, request: HttpRequest, action: ServiceAction, membership: Any) -> str:
        """Block changes to oneself, to erased people, and removing someone twice."""
        if membership is None:
            return ""
        if membership.erased_at:
            return "This person was erased."
        if membership.user_id == viewer_of(request).user_id:
            return "You can't change your own membership. Ask a colleague who manages people."
        if action.path == "erase":
            return why_not_erase(request)
        if action.path == "remove-picture" and not membership.picture_key:
            return "This person has no picture."
        allowed = permissions_of(membership.role, membership.own_permissions)
        if action.path == "teams" and not allowed <= LIMITABLE:
            return f"The role {label_of(membership)} sees the conversations of all teams."
        if action.path == "reset-factor" and not getattr(membership, "has_second_factor", True):
            return "This person has no second factor."
        is_removed = action.path == "remove" and not membership.is_active
        return "This person has already been removed." if is_removed else ""

    def offered(self, request: HttpRequest, obj: Any, *, on_list: bool = False) -> list[dict[str, Any]]:
        """Offer to ask for a reset of the second factor, or the answers to one that was asked for."""
        offered = super().offered(request, obj, on_list=on_list)
        if not any(offer["action"].path in RESETS for offer in offered):
            return offered
        left_out = RESETS[:1] if factor_resets.pending_reset(obj.pk) else RESETS[1:]
        return [offer for offer in offered if offer["action"].path not in left_out]

    def form_initial(self, request: HttpRequest, action: ServiceAction, membership: Any) -> dict[str, Any]:
        """Start with the current role; for an invitation, offer the roles the viewer can grant."""
        if membership is None:
            return {"roles": list_grantable_roles(viewer_of(request)), "role": Membership.Role.VIEWER}
        return {"role": membership.role, "own_teams_only": "yes" if membership.own_teams_only else "no"}

    @service_action(
        path="role",
        title="Change role",
        permission="accounts.manage_membership",
        form=RoleForm,
        submit="Save",
    )
    def change_role(self, request: HttpRequest, membership: Membership, form: ConsoleForm) -> str:
        """Change the person's role; a removed person becomes a member again."""
        role = form.cleaned_data["role"]
        services.change_role(actor=viewer_of(request), user=membership.user, role=role)
        return f"The role is now {name_of_role(role)}."

    require_factor = calls(
        set_factor_rule,
        path="second-factor",
        title="Require a second factor",
        permission=MANAGE,
        form=FactorRuleForm,
        submit="Save",
        initial=lambda _viewer, _obj: {"roles": sorted(Tenant.objects.get().factor_due)},
        explain="After the days of grace, people with these roles can do nothing here until they have set up an app or "
        "a security key. Apps they are signed in to are refused as well; API keys go on.",
        done="Saved. People who have none yet were notified.",
    )
    limit_to_teams = calls(
        set_team_scope,
        "membership_id",
        path="teams",
        title="Limit to own teams",
        permission="accounts.manage_membership",
        form=TeamScopeForm,
        submit="Save",
        explain="Someone limited to their teams doesn't see other teams' conversations anywhere: not in the inbox, the "
        "search, the API or live. They do see those assigned to them. Contacts and requests stay visible.",
        values=lambda form: {"own_only": form.cleaned_data["own_teams_only"]},
        done=lambda member: (
            f"They see {'only conversations of their own' if member.own_teams_only else 'conversations of all'} teams."
        ),
    )
    reset_factor = calls(
        factor_resets.ask_reset,
        "membership_id",
        title="Reset second factor",
        permission=MANAGE,
        submit="Ask for the reset",
        tone="danger",
        explain="For someone who lost their app, keys and recovery codes. Talk to them first. A second person who "
        "manages members has to agree within a day. Then all factors are removed and they are signed out everywhere.",
        done="A second person has to agree now. The others who manage members, and the person, were notified.",
    )
    agree_reset = calls(
        factor_resets.agree_reset,
        "membership_id",
        title="Agree to the reset",
        permission=MANAGE,
        submit="Reset second factor",
        tone="danger",
        explain="Another person asked for it. Make sure yourself that the person lost their second factor. App, keys "
        "and recovery codes are removed, and they are signed out everywhere. Their password stays.",
        done="The second factor was reset. The person was notified.",
    )
    refuse_reset = calls(
        factor_resets.refuse_reset,
        "membership_id",
        title="Refuse the reset",
        permission=MANAGE,
        submit="Refuse",
        explain="Nothing is removed.",
        done="The reset was refused.",
    )
    remove = calls(
        services.remove_member,
        "membership_id",
        title="Remove from organisation",
        permission="accounts.manage_membership",
        tone="danger",
        explain="This person will no longer have access to your organisation. Their past decisions stay.",
        done="This person no longer has access.",
    )
    remove_picture = calls(
        pictures.remove_picture,
        "membership_id",
        title="Remove picture",
        permission="accounts.manage_membership",
        tone="danger",
        explain="Colleagues and customers see the initials instead. The person can upload another picture.",
        done="The picture is removed.",
    )
    erase = calls(
        erase_member,
        "membership_id",
        title="Erase this person",
        permission="accounts.erase_member",
        form=EraseForm,
        submit="Erase permanently",
        tone="danger",
        explain=(
            "Erased: membership, name and email address, sign-in, sessions and API keys, reasons and notes this person "
            "wrote, their messages as a contact, and requests that contain their address. Their open requests are "
            "withdrawn. Kept: what was decided, when and how, under an anonymous id, and other people's texts. If they "
            "are a member of another organisation, they keep their account there. This can't be undone."
        ),
        values=lambda form: {"reason": form.cleaned_data["reason"]},
        done=redirect_to_progress,
    )


class KeyForm(ConsoleForm):
    """A new API key: name, lifetime and permissions."""

    name = forms.CharField(label="Name", max_length=80, help_text="Where you'll use the key, e.g. “nightly export”.")
    days = forms.IntegerField(label="Expires after (days)", min_value=1, max_value=364, initial=90)
    scopes = forms.MultipleChoiceField(label="Permissions", widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["scopes"].choices = self.initial.get("allowed", [])  # type: ignore[attr-defined]


@admin.register(ApiKey)
class ApiKeyAdmin(ServiceAdmin):
    """API keys of programs."""

    view_permission = "accounts.manage_apikey"
    nav = Nav("API keys", "key", SETTINGS, ORGANISATION, order=30)
    intro = "A key acts as the person who created it, limited to the permissions you select. It is shown only once."
    empty_title = "No API keys yet"
    empty_text = "Create one when a program needs access to Walker."
    masked_fields = ("digest",)
    list_display = ("name", "starts_with", "standing", "created_at", "expires_at", "last_used_at")
    ordering = ("-created_at",)
    detail_fields = ("name", "starts_with", "standing", "allowed", "created_at", "expires_at", "last_used_at")

    def object_title(self, key: ApiKey) -> str:
        """Return the key's name."""
        return key.name

    starts_with = Column[ApiKey]("Key", lambda key: format_html('<span class="wk-mono">{}…</span>', key.prefix))

    @admin.display(description="Status")
    def standing(self, key: ApiKey) -> str:
        """Return the key's status."""
        if key.revoked_at:
            return chip("Revoked", "neutral", "ban")
        return chip("Expired", "neutral", "clock") if key.expires_at <= now() else chip("Active", "good", "check")

    allowed = Column[ApiKey]("Permissions", lambda key: list_permissions(key.scopes))

    def why_not(self, request: HttpRequest, action: ServiceAction, key: Any) -> str:
        """Block revoking a key twice."""
        return "This key has already been revoked." if key is not None and key.revoked_at else ""

    def form_initial(self, request: HttpRequest, action: ServiceAction, key: Any) -> dict[str, Any]:
        """Offer the permissions of the viewer's own role."""
        return {"allowed": group_by_area(viewer_of(request).permissions), "days": 90}

    @service_action(
        title="New API key",
        permission="accounts.manage_apikey",
        form=KeyForm,
        submit="Create key",
        tone="primary",
        on_list=True,
    )
    def create(self, request: HttpRequest, obj: None, form: ConsoleForm) -> HttpResponse:
        """Create a key for the viewer and show its secret once."""
        ends = now() + form.cleaned_data["days"] * DAY
        _key, secret = services.create_api_key(
            actor=viewer_of(request),
            user=request.user,  # type: ignore[arg-type]
            name=form.cleaned_data["name"],
            scopes=form.cleaned_data["scopes"],
            expires_at=ends,
        )
        return show_once(self, request, self.list_url(), title="Your new API key", secret=secret)

    revoke = calls(
        services.revoke_api_key,
        "key_id",
        title="Revoke key",
        permission="accounts.manage_apikey",
        submit="Revoke",
        tone="danger",
        explain="Programs that use this key lose access at once.",
        done="The key was revoked.",
    )
