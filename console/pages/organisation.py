"""Console pages of the whole organisation: its settings with their history, and what it uses of its tier."""

from typing import Any, ClassVar, Final
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join

from accounts.members.pictures import KINDS
from accounts.models import Membership, Tenant
from accounts.organisation import settings, usage
from accounts.organisation import zone as time_zone
from accounts.organisation.settings import CHANGE, change_organisation, show_set_up
from accounts.permissions.roles import role_choices
from accounts.selectors import logo_address, read_logo
from console.base.actions import ServiceAction
from console.base.crud import calls, edits
from console.base.forms import ConsoleForm
from console.base.lists import Column
from console.base.model_admin import ServiceAdmin
from console.names import name_in, names_of
from console.navigation import ORGANISATION, SETTINGS, Nav
from console.templatetags.console_ui import moment
from console.time_zones import zone_choices
from console.viewers import viewer_of
from core.clock import now

HIDE: Final = "hide-set-up"
SHOW: Final = "show-set-up"
RECENT: Final = 10
"""Changes on the page; the API lists all."""
NOT_ALONE: Final = "Workflows and spending limits go by the time zone, so you also need the right to manage workflows."
STARTS_WITH: Final = ("name", "currency", "language", "support_name")
COMPANY: Final = {"off": "Not connected", "optional": "Connected, not required", "required": "Required"}


def value_in_words(value: Any) -> str:
    """Return the value of a setting as the history shows it."""
    if isinstance(value, bool):
        return "added" if value else "removed"
    return ", ".join(value) if isinstance(value, list) else str(value)


class OrganisationForm(ConsoleForm):
    """Name, support name, language and currency."""

    name = forms.CharField(
        label="Name", max_length=settings.NAME_LIMIT, help_text="Shown to your colleagues here and in emails."
    )
    support_name = forms.CharField(
        label="Support name (optional)",
        max_length=settings.SUPPORT_LIMIT,
        required=False,
        help_text="The sender's name of emails, where your mail account has none of its own.",
    )
    language = forms.ChoiceField(
        label="Language",
        choices=Membership.Language.choices,
        help_text="What new members are written to in, until they choose another in their profile.",
    )
    currency = forms.CharField(
        label="Currency", max_length=3, help_text="Suggested for new limits, budgets and workflows, for example EUR."
    )


class ZoneForm(ConsoleForm):
    """The organisation's time zone; what it changes is said before it is saved."""

    template_name = "console/zone_form.html"
    checks_redrawn = True
    submit = ""

    zone = forms.ChoiceField(label="Time zone")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.old = str(self.initial.get("zone", ""))
        self.fields["zone"].choices = zone_choices(self.old)  # type: ignore[attr-defined]
        self.is_redrawn = self.is_bound and self.data.get("confirmed") != self.data.get("zone")
        self.words: list[str] = []

    def clean_zone(self) -> str:
        """Say what the chosen zone changes."""
        wanted = str(self.cleaned_data["zone"])
        if wanted == self.old:
            raise forms.ValidationError("This is your time zone already.")
        self.submit = "Change time zone"
        self.words = time_zone.what_changes(self.old, wanted, now())
        return wanted


class LogoForm(ConsoleForm):
    """The organisation's logo."""

    logo = forms.FileField(
        label="Logo",
        widget=forms.FileInput(attrs={"accept": ",".join(KINDS)}),
        help_text="PNG, JPEG or WebP, up to 2 MB. It is kept small, without what else is in the file.",
    )


@admin.register(Tenant)
class OrganisationAdmin(ServiceAdmin):
    """The viewer's own organisation; no other is visible here."""

    view_permission = CHANGE
    nav = Nav("General", "home", SETTINGS, ORGANISATION, order=10)
    site_pages: ClassVar = (
        (Nav("Usage", "scale", SETTINGS, ORGANISATION, order=15), "usage", "What you use of your organisation's tier."),
    )
    intro = "Your organisation's name, logo, language, currency and time zone."
    ordering = ("id",)
    detail_fields = (
        "name", "logo", "support_name", "spoken", "currency", "zone", "second_factor", "company", "short_name",
        "created_at", "recent",
    )  # fmt: skip
    to_list: ClassVar = ("edit", "zone", "logo", "remove-logo")

    def get_site_urls(self) -> list[URLPattern]:
        """Return the address of the page of usage."""
        return [path("usage/", self.admin_site.admin_view(self.usage_view), name="usage")]

    def usage_view(self, request: HttpRequest) -> HttpResponse:
        """Show what the organisation uses, each with its limit."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET"])
        viewer = viewer_of(request)
        if not self.opens_to(viewer):
            raise PermissionDenied("Your role can't open this page.")
        shown = {"uses": usage.list_usage(viewer=viewer), "tier": usage.tier_name(viewer=viewer)}
        context = {**self.admin_site.each_context(request), "title": "Usage", **shown}
        return TemplateResponse(request, "console/organisation_usage.html", context)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the organisation: there is one."""
        viewer_of(request)
        return self.detail_view(request, request.tenant.pk)  # type: ignore[attr-defined]

    def detail_context(self, request: HttpRequest, obj: Tenant) -> dict[str, Any]:
        """Return the fields and the form; no list stands above them."""
        return {**super().detail_context(request, obj), "list_url": ""}

    def object_title(self, obj: Tenant) -> str:
        """Return the name of the page."""
        return self.list_label

    @admin.display(description="Logo")
    def logo(self, tenant: Tenant) -> str:
        """Return the logo as a picture."""
        address = logo_address()
        return format_html('<img src="{}" alt="Your logo" height="48">', address) if address else "–"

    spoken = Column[Tenant]("Language", lambda tenant: Membership.Language(tenant.language).label)

    @admin.display(description="Time zone")
    def zone(self, tenant: Tenant) -> str:
        """Return the zone with its time of day, and what counts by it."""
        return format_html(
            '{}, now {}<p class="wk-help">Spending limits and figures count their days in this time zone.</p>',
            tenant.timezone.replace("_", " "),
            f"{now().astimezone(ZoneInfo(tenant.timezone)):%H:%M}",
        )

    @admin.display(description="Second factor")
    def second_factor(self, tenant: Tenant) -> str:
        """Return which roles need one, and where that is set."""
        roles = ", ".join(label for role, label in role_choices() if role in tenant.factor_due) or "No role needs one"
        return format_html('{} · <a href="{}">Change</a>', roles, reverse("admin:accounts_membership_second_factor"))

    @admin.display(description="Company sign-in")
    def company(self, tenant: Tenant) -> str:
        """Return whether the company's sign-in is required."""
        return COMPANY[settings.company_sign_in(tenant)]

    short_name = Column[Tenant]("Short name", lambda tenant: tenant.slug)

    @admin.display(description="Last changes")
    def recent(self, tenant: Tenant) -> str:
        """Return the last changes of settings: which, to what, who made each, and when."""
        rows = list(settings.recent_changes(RECENT))
        names = names_of(row.changed_by_id for row in rows)
        lines = (
            (
                row.key.replace("_", " ").capitalize(),
                value_in_words(row.value),
                name_in(names, row.changed_by_id, otherwise="The system"),
                moment(row.created_at),
            )
            for row in rows
        )
        return format_html_join("", "<div>{}: {} · {}, {}</div>", lines) or "–"

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        """Start with what holds now."""
        return {**{field: getattr(obj, field) for field in STARTS_WITH}, "zone": obj.timezone}

    def why_not(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        """Block removing a logo that isn't there, and the time zone for who can't change rules that go by it."""
        if action.path == "zone":
            return "" if viewer_of(request).may(time_zone.RULES) else NOT_ALONE
        return "There is no logo." if action.path == "remove-logo" and not read_logo() else ""

    def offered(self, request: HttpRequest, obj: Any, *, on_list: bool = False) -> list[dict[str, Any]]:
        """Return what can be done; the list of the set-up is hidden where it stands, on the dashboard."""
        left_out = {HIDE} if obj is None or obj.hides_set_up else {HIDE, SHOW}
        return [each for each in super().offered(request, obj, on_list=on_list) if each["action"].path not in left_out]

    def after_action_url(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        """Return to the dashboard after what is about it."""
        return reverse("admin:index") if action.path in (HIDE, SHOW) else super().after_action_url(request, action, obj)

    hide_set_up = calls(
        show_set_up,
        "tenant_id",
        title="Hide the set-up list",
        permission=CHANGE,
        explain="The dashboard shows it to nobody here any more.",
        values=lambda _: {"is_shown": False},
        done="The set-up list is hidden. To see it again, open Settings, then General.",
    )
    show_set_up = calls(
        show_set_up,
        "tenant_id",
        title="Show the set-up list",
        permission=CHANGE,
        explain="The dashboard lists again what is still to be set up, until all of it is there.",
        values=lambda _: {"is_shown": True},
        done="The dashboard shows the set-up list while something is left to do.",
    )
    edit = edits(
        change_organisation,
        "tenant_id",
        CHANGE,
        OrganisationForm,
        tone="primary",
        done="Saved.",
    )
    change_zone = calls(
        time_zone.change_zone,
        "tenant_id",
        path="zone",
        title="Change time zone",
        submit="Continue",
        permission=CHANGE,
        form=ZoneForm,
        explain="Before anything is saved, you see what changes and when.",
        done="Saved. It counts from now on.",
    )
    save_logo = calls(
        settings.save_logo,
        path="logo",
        title="Change logo",
        submit="Upload",
        permission=CHANGE,
        form=LogoForm,
        on_list=False,
        explain="Chats that have no logo of their own show it, and your invitations.",
        done="Your logo is saved.",
    )
    remove_logo = calls(
        settings.remove_logo,
        title="Remove logo",
        permission=CHANGE,
        on_list=False,
        done="Your logo is removed.",
    )
