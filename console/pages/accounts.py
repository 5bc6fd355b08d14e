"""People with a seat, and API keys."""

from collections import Counter
from datetime import timedelta
from typing import Any, ClassVar

from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html

from accounts import services
from accounts.models import ApiKey, Membership
from accounts.permissions.role_limits import STRONG
from accounts.permissions.roles import permissions_of
from accounts.privacy.erasure import erase_member
from console.base.actions import ServiceAction, service_action
from console.base.forms import ConfirmForm, ConsoleForm
from console.base.lists import choose
from console.base.model_admin import ServiceAdmin
from console.erasure_form import EraseForm, to_progress, why_not_erase
from console.navigation import Nav
from console.pages.invitations import InviteActions, roles_to_give
from console.permissions import by_area, powers
from console.templatetags.console_ui import chip, moment
from console.viewers import viewer_of
from core.clock import now
from core.privacy.erasure.person import NOBODY
from core.privacy.pii import mask_value

DAY = timedelta(days=1)


class RoleForm(ConsoleForm):
    """The role a person is to have."""

    role = forms.ChoiceField(label="Role", choices=Membership.Role.choices)


def notes_on(request: HttpRequest, seats: list[Membership]) -> list[str]:
    """Return what stands under each name: no whole address, but enough to tell colleagues apart.

    The domain is shown where it is the viewer's own; people of one name get the end of their id besides.
    """
    own = str(getattr(request.user, "email", "")).rpartition("@")[2]
    names = Counter(seat.user.get_full_name() for seat in seats)
    return [_note(seat, own, is_shared=names[seat.user.get_full_name()] > 1, viewer=request.user.pk) for seat in seats]


def _note(seat: Membership, own: str, *, is_shared: bool, viewer: Any) -> str:
    mask = mask_value("email", seat.user.email)
    if own and seat.user.email.rpartition("@")[2].lower() == own.lower():
        mask = f"{mask.partition('@')[0]}@{own}"
    words = ["you"] if seat.user_id == viewer else []
    return " · ".join([mask, *words, *([f"id …{str(seat.user_id)[-6:]}"] if is_shared else [])])


@admin.register(Membership)
class MembershipAdmin(InviteActions, ServiceAdmin):
    """People who may enter, and as what."""

    view_permission = "accounts.view_membership"
    nav = Nav("People", "users", group="Set-up", order=50)
    intro = (
        "Who has a seat in your organisation, and what the seat allows. "
        "Whoever manages people invites colleagues here; each takes the seat by the link of a mail."
    )
    masked_fields = ("user", "user__email")
    list_display = ("person", "role_chip", "standing", "second_factor", "joined")
    list_filter: ClassVar = [
        choose("role", "Role", Membership.Role.choices),
        choose("is_active", "Seat", [("True", "Open"), ("False", "Closed")], parameter="seat"),
    ]
    ordering = ("id",)
    detail_fields = ("person", "role_chip", "standing", "second_factor", "allowed", "joined")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        """Read the people with their seats."""
        return super().get_queryset(request).select_related("user")

    def prepare_rows(self, request: HttpRequest, rows: list[Membership]) -> None:
        """Find out at once who has a second factor, and what tells these people apart."""
        people = [seat.user_id for seat in rows]
        kinds = Authenticator.objects.filter(user_id__in=people, type=Authenticator.Type.TOTP)
        strong = set(kinds.values_list("user_id", flat=True))
        for seat, note in zip(rows, notes_on(request, rows), strict=True):
            seat.has_second_factor = seat.user_id in strong  # type: ignore[attr-defined]
            seat.note = note  # type: ignore[attr-defined]

    def object_title(self, seat: Membership) -> str:
        """Return the person's name."""
        return NOBODY if seat.erased_at else str(seat.user.get_full_name())

    @admin.display(description="Person")
    def person(self, seat: Membership) -> str:
        """Return the name and what tells the person from others."""
        if seat.erased_at:
            return NOBODY
        note = getattr(seat, "note", "")
        return format_html('{}<span class="wk-cell-note">{}</span>', seat.user.get_full_name(), note)

    @admin.display(description="Role")
    def role_chip(self, seat: Membership) -> str:
        """Return the role."""
        return chip(seat.get_role_display(), "accent" if seat.role in ("owner", "admin") else "neutral", "person")

    @admin.display(description="Seat")
    def standing(self, seat: Membership) -> str:
        """Tell whether the seat is open."""
        if seat.erased_at:
            return chip("Erased", "neutral", "ban")
        is_open = seat.is_active and seat.user.is_active
        return chip("Open", "good", "check") if is_open else chip("Closed", "neutral", "ban")

    @admin.display(description="Second factor")
    def second_factor(self, seat: Membership) -> str:
        """Tell whether sign-in asks for a code; that it does not matters where the role signs or erases."""
        if getattr(seat, "has_second_factor", False):
            return chip("On", "good", "shield")
        matters = seat.is_active and seat.user.is_active and bool(permissions_of(seat.role) & STRONG)
        return chip("Not set up", "warn", "alert") if matters else "–"

    @admin.display(description="Joined")
    def joined(self, seat: Membership) -> str:
        """Return since when the person has the seat."""
        return str(moment(seat.created_at))

    @admin.display(description="Allowed")
    def allowed(self, seat: Membership) -> str:
        """Return what the role allows."""
        return powers(permissions_of(seat.role))

    def why_not(self, request: HttpRequest, action: ServiceAction, seat: Any) -> str:
        """Nobody changes the own seat; a closed one cannot be closed, an erased one stays as it is."""
        if seat is None:
            return ""
        if seat.erased_at:
            return "This person was erased."
        if seat.user_id == viewer_of(request).user_id:
            return "Somebody else has to change your own seat."
        if action.path == "erase":
            return why_not_erase(request)
        is_closed = action.path == "close-seat" and not seat.is_active
        return "This seat is closed already." if is_closed else ""

    def form_initial(self, request: HttpRequest, action: ServiceAction, seat: Any) -> dict[str, Any]:
        """Start with the role the person has; somebody new gets one of those that the viewer can give."""
        if seat is None:
            return {"roles": roles_to_give(viewer_of(request)), "role": Membership.Role.VIEWER}
        return {"role": seat.role}

    @service_action(
        path="role",
        title="Change the role",
        permission="accounts.manage_membership",
        form=RoleForm,
        submit="Save",
    )
    def change_role(self, request: HttpRequest, seat: Membership, form: ConsoleForm) -> str:
        """Give the person another role; it reopens a closed seat."""
        role = form.cleaned_data["role"]
        services.change_role(actor=viewer_of(request), user=seat.user, role=role)
        return f"The role is now {Membership.Role(role).label}."

    @service_action(
        path="close-seat",
        title="Close the seat",
        permission="accounts.manage_membership",
        tone="danger",
        explain="The person can no longer enter your organisation. What was decided stays.",
    )
    def close_seat(self, request: HttpRequest, seat: Membership, form: ConsoleForm) -> str:
        """Take the person's seat away."""
        services.remove_member(actor=viewer_of(request), membership_id=seat.pk)
        return "The seat is closed."

    @service_action(
        path="erase",
        title="Erase this person",
        permission="accounts.erase_member",
        form=EraseForm,
        submit="Erase for good",
        tone="danger",
        explain=(
            "Goes: the seat, name and mail address, sign-in, sessions and keys, reasons and notes the person wrote, "
            "what the person wrote in as a contact, and requests that hold an address of the person. Open requests "
            "of the person are withdrawn. Stays: what was decided, when and how, under an id that means nobody, and "
            "words of others. Whoever has a seat in another organisation keeps the account there. It cannot be undone."
        ),
    )
    def erase(self, request: HttpRequest, seat: Membership, form: ConsoleForm) -> HttpResponse:
        """Begin, and show how far it is."""
        reason = form.cleaned_data["reason"]
        return to_progress(erase_member(actor=viewer_of(request), membership_id=seat.pk, reason=reason))


class KeyForm(ConsoleForm):
    """A new key: its name, what it may do and how long."""

    name = forms.CharField(label="Name", max_length=80, help_text="Where the key is used, such as “nightly export”.")
    days = forms.IntegerField(label="Ends after (days)", min_value=1, max_value=364, initial=90)
    scopes = forms.MultipleChoiceField(label="May do", widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["scopes"].choices = self.initial.get("allowed", [])  # type: ignore[attr-defined]


@admin.register(ApiKey)
class ApiKeyAdmin(ServiceAdmin):
    """Keys for programs."""

    view_permission = "accounts.manage_apikey"
    nav = Nav("API keys", "key", group="Set-up", order=60)
    intro = "A key acts as the person who made it, limited to what is ticked. It is shown once."
    empty_title = "No keys yet"
    empty_text = "Make one when a program needs to speak to Walker."
    masked_fields = ("digest",)
    list_display = ("name", "starts_with", "standing", "created_at", "expires_at", "last_used_at")
    ordering = ("-created_at",)
    detail_fields = ("name", "starts_with", "standing", "allowed", "created_at", "expires_at", "last_used_at")

    def object_title(self, key: ApiKey) -> str:
        """Return the key's name."""
        return key.name

    @admin.display(description="Key")
    def starts_with(self, key: ApiKey) -> str:
        """Return the key's first letters."""
        return format_html('<span class="wk-mono">{}…</span>', key.prefix)

    @admin.display(description="State")
    def standing(self, key: ApiKey) -> str:
        """Tell whether the key works."""
        if key.revoked_at:
            return chip("Revoked", "neutral", "ban")
        return chip("Ended", "neutral", "clock") if key.expires_at <= now() else chip("Works", "good", "check")

    @admin.display(description="May do")
    def allowed(self, key: ApiKey) -> str:
        """Return the key's scopes."""
        return powers(key.scopes)

    def why_not(self, request: HttpRequest, action: ServiceAction, key: Any) -> str:
        """A revoked key stays revoked."""
        return "This key is revoked already." if key is not None and key.revoked_at else ""

    def form_initial(self, request: HttpRequest, action: ServiceAction, key: Any) -> dict[str, Any]:
        """Offer what the viewer's own role allows."""
        return {"allowed": by_area(viewer_of(request).permissions), "days": 90}

    @service_action(
        path="create",
        title="New key",
        permission="accounts.manage_apikey",
        form=KeyForm,
        submit="Make the key",
        tone="primary",
        on_list=True,
    )
    def create(self, request: HttpRequest, obj: None, form: ConsoleForm) -> HttpResponse:
        """Make a key for the viewer and show it this once."""
        ends = now() + form.cleaned_data["days"] * DAY
        asked = {"name": form.cleaned_data["name"], "scopes": form.cleaned_data["scopes"], "expires_at": ends}
        _key, secret = services.create_api_key(actor=viewer_of(request), user=request.user, **asked)  # type: ignore[arg-type]
        context = {**self.admin_site.each_context(request), "title": "Your new key", "secret": secret}
        context["back_url"] = self.list_url()
        return TemplateResponse(request, "console/secret.html", context, headers={"Cache-Control": "no-store"})

    @service_action(
        path="revoke",
        title="Revoke the key",
        permission="accounts.manage_apikey",
        form=ConfirmForm,
        submit="Revoke",
        tone="danger",
        explain="Programs that use it are refused at once.",
    )
    def revoke(self, request: HttpRequest, key: ApiKey, form: ConsoleForm) -> str:
        """End the key."""
        services.revoke_api_key(actor=viewer_of(request), key_id=key.pk)
        return "The key no longer works."
