"""Console page of what holds for the whole organisation: its name, currency and time zone."""

from typing import Any, ClassVar, Final
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html

from accounts.models import Tenant
from accounts.services import change_organisation, show_set_up
from console.base.actions import ServiceAction
from console.base.crud import calls, edits
from console.base.forms import ConsoleForm
from console.base.lists import Column
from console.base.model_admin import ServiceAdmin
from console.navigation import ORGANISATION, SETTINGS, Nav
from console.viewers import viewer_of
from core.clock import now

CHANGE: Final = "accounts.change_tenant"
HIDE: Final = "hide-set-up"
SHOW: Final = "show-set-up"


class OrganisationForm(ConsoleForm):
    """Name and currency."""

    name = forms.CharField(label="Name", max_length=120, help_text="Shown to your colleagues here and in emails.")
    currency = forms.CharField(
        label="Currency", max_length=3, help_text="Suggested for new limits, budgets and workflows, for example EUR."
    )


@admin.register(Tenant)
class OrganisationAdmin(ServiceAdmin):
    """The viewer's own organisation; no other is visible here."""

    view_permission = CHANGE
    nav = Nav("General", "home", SETTINGS, ORGANISATION, order=10)
    intro = "Your organisation's name, currency and time zone."
    ordering = ("id",)
    detail_fields = ("name", "currency", "zone", "short_name", "created_at")
    to_list: ClassVar = ("edit",)

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

    @admin.display(description="Time zone")
    def zone(self, tenant: Tenant) -> str:
        """Return the zone with its time of day, and why it isn't changed here."""
        return format_html(
            '{}, now {}<p class="wk-help">Spending limits and figures count their days in this time zone. '
            "Your administrator sets it when the organisation is created.</p>",
            tenant.timezone.replace("_", " "),
            f"{now().astimezone(ZoneInfo(tenant.timezone)):%H:%M}",
        )

    short_name = Column[Tenant]("Short name", lambda tenant: tenant.slug)

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        """Start with what holds now."""
        return {"name": obj.name, "currency": obj.currency}

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
