"""Console pages of figures: conversations, approvals, agents, channels, system, and dashboards of one's own."""

from collections.abc import Callable
from typing import Any, ClassVar, Final
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.formats import date_format
from django.utils.timezone import get_current_timezone, localtime

from analytics.figure_pages import behind, cards, system
from analytics.figure_pages.filters import SPANS, read_form
from analytics.figure_pages.layout import PAGES, Page
from analytics.figure_pages.report import make_report
from analytics.figures.metrics import METRICS, Metric
from analytics.figures.selectors import counted_until
from analytics.models import FigureDashboard
from analytics.services import dashboards
from console.base.actions import ServiceAction, service_action
from console.base.crud import deletes, edits
from console.base.forms import ConsoleForm
from console.base.lists import Column
from console.base.model_admin import ServiceAdmin
from console.navigation import FIGURES, Nav
from console.templatetags.console_ui import chip
from console.time_zones import organisation_zone
from console.viewers import viewer_of
from conversations.selectors import VIEW_FIGURES, figure_scope
from core.actors import Actor
from core.db import replica
from core.privacy.retention.holds import VIEW as VIEW_RETENTION
from core.privacy.retention.services import kept_days

SHOW: Final = "analytics_figuredashboard_show"
READ: Final = ("GET", "HEAD")


class DashboardForm(ConsoleForm):
    name = forms.CharField(label="Name", max_length=dashboards.LONGEST_NAME)
    days = forms.TypedChoiceField(label="Period", choices=SPANS[:-1], coerce=int)
    is_shared = forms.BooleanField(
        label="Share with everyone who can see figures",
        required=False,
        help_text="Each person sees what their own role allows.",
    )
    cards = forms.MultipleChoiceField(
        label="Figures",
        choices=cards.choices,
        widget=forms.CheckboxSelectMultiple,
        help_text=f"Up to {dashboards.MOST_CARDS}. They appear in this order.",
    )


def from_replica(request: HttpRequest, answer: Callable[[], TemplateResponse]) -> HttpResponse:
    """Return a page with what its template reads, from the replica, if there is one, for who sees all figures.

    For leads of teams it is on the primary: which teams they lead is read with the figures, and has to count at once.
    """
    if viewer_of(request).may(VIEW_FIGURES):
        return replica.read(lambda: answer().render())
    return answer().render()


@admin.register(FigureDashboard)
class FigureDashboardAdmin(ServiceAdmin):
    view_permission = dashboards.SEE
    site_pages: ClassVar = ((Nav("Figures", "scale", FIGURES, order=10), "figures"),)
    nav = Nav("Dashboards", "scale", FIGURES, within="Figures")
    intro = "Figures of your choice on one page. Shared ones are shown to everyone who can see figures."
    empty_title = "No dashboards yet"
    empty_text = "Put the figures you look at every day on one page."
    ordering = ("name", "pk")
    list_display = ("name", "days_shown", "sharing", "changed_at")

    def opens_to(self, viewer: Actor) -> bool:
        """Return True for who may see all figures, and for leads of teams, by one query."""
        if viewer.may(VIEW_FIGURES) or not viewer.may(dashboards.SEE):
            return viewer.may(VIEW_FIGURES)
        return bool(figure_scope(viewer=viewer))

    def get_queryset(self, request: HttpRequest) -> QuerySet[FigureDashboard]:
        return dashboards.query_dashboards(viewer=viewer_of(request))

    def get_site_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("figures/", wrap(self.page_view), name="figures"),
            path("figures/system/", wrap(self.system_view), name="figures_system"),
            path("figures/dashboards/<uuid:object_id>/", wrap(self.dashboard_view), name=SHOW),
            path("figures/rows/", wrap(self.rows_view), name="figures_rows"),
            path("figures/<slug:key>/", wrap(self.page_view), name="figures_page"),
        ]

    def page_view(self, request: HttpRequest, key: str = "conversations") -> HttpResponse:
        """Show a page of figures; without a script it is a form and links."""
        if request.method not in READ:
            return HttpResponseNotAllowed(["GET"])
        page = PAGES.get(key)
        if page is None:
            raise Http404("There is no such page.")
        self._require(request)
        return from_replica(request, lambda: self._figures(request, page, key=key))

    def dashboard_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        if request.method not in READ:
            return HttpResponseNotAllowed(["GET"])
        self._require(request)
        obj = self.object_or_404(request, object_id)
        page = cards.page_of(obj.name, obj.cards)
        mine = obj.owner_id == viewer_of(request).user_id
        offered = self.offered(request, obj) if mine else []
        more = {"usual": str(obj.days), "dashboard": obj, "offered": offered}
        return from_replica(request, lambda: self._figures(request, page, key=str(obj.pk), **more))

    def rows_view(self, request: HttpRequest) -> HttpResponse:
        """Show the rows that a figure counted, with its filter."""
        if request.method not in READ:
            return HttpResponseNotAllowed(["GET"])
        self._require(request)
        metric = METRICS.get(request.GET.get("figure", ""))
        if metric is None:
            raise Http404("There is no such figure.")
        return from_replica(request, lambda: self._rows(request, metric))

    def _rows(self, request: HttpRequest, metric: Metric) -> TemplateResponse:
        viewer, given = viewer_of(request), request.GET.dict()
        form, asked = read_form(viewer=viewer, given=given, filters=metric.dimensions, metric=metric.key)
        found = behind.read_behind(
            viewer=viewer, metric=metric.key, span=asked.span, dimension=asked.dimension, value=asked.value,
            after=given.get("after", ""),
        )  # fmt: skip
        further = urlencode(
            {**{key: value for key, value in given.items() if key != "after"}, "after": found.following}
        )
        page = next((page for page in PAGES.values() if page.shows(metric.key)), None)
        context = {
            **self.admin_site.each_context(request),
            **self._places(viewer, page.key if page else ""),
            "title": metric.name,
            "intro": metric.how,
            "form": form,
            "spans": SPANS,
            "figure": metric.key,
            "found": found,
            "further": further if found.following else "",
        }
        return TemplateResponse(request, "console/figures_rows.html", context)

    def system_view(self, request: HttpRequest) -> HttpResponse:
        """Show how the system keeps up, now and in the last hours or days."""
        if request.method not in READ:
            return HttpResponseNotAllowed(["GET"])
        self._require(request)
        viewer = viewer_of(request)
        if not viewer.may(VIEW_FIGURES):
            raise PermissionDenied("Your role can't open this page.")
        days = 7 if request.GET.get("span") == "7" else 1
        course = system.course_of(days, get_current_timezone())
        history = system.read_history(viewer=viewer, course=course)
        own = system.read_own(viewer=viewer, course=course)
        groups = [
            ("Your organisation", [*own, *system.read_events(history)]),
            ("Channel providers", system.read_providers(viewer=viewer, course=course)),
            ("The installation", system.read_installation(viewer=viewer, history=history)),
            ("Encryption keys", system.read_rotation(viewer=viewer)),
        ]
        context = {
            **self.admin_site.each_context(request),
            **self._places(viewer, "system"),
            "title": "System",
            "intro": "Whether everything is running normally, now and recently.",
            "groups": [(title, readings) for title, readings in groups if readings],
            "wrong": [reading for _, readings in groups for reading in readings if reading.tone != "good"],
            "periods": system.PERIODS,
            "period": str(days),
            "kept_days": kept_days("events"),
            "may_keep": viewer.may(VIEW_RETENTION),
        }
        return TemplateResponse(request, "console/figures_system.html", context)

    def _figures(
        self, request: HttpRequest, page: Page, *, key: str, usual: str = "30", **more: Any
    ) -> TemplateResponse:
        viewer = viewer_of(request)
        form, asked = read_form(viewer=viewer, given=request.GET.dict(), filters=page.filters, usual=usual)
        context = {
            **self.admin_site.each_context(request),
            **self._places(viewer, key),
            "title": page.label,
            "intro": page.intro,
            "form": form,
            "spans": SPANS,
            "report": make_report(page, asked),
            "until": date_format(localtime(counted_until(), organisation_zone()), "j M Y, H:i"),
            **more,
        }
        return TemplateResponse(request, "console/figures.html", context)

    def _require(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied("Your role can't open this page.")

    def _places(self, viewer: Actor, key: str) -> dict[str, Any]:
        """Return the tabs: the pages, and the dashboards. One query."""
        tabs = [(page.key, page.label, reverse("admin:figures_page", args=[page.key])) for page in PAGES.values()]
        if viewer.may(VIEW_FIGURES):
            tabs.append(("system", "System", reverse("admin:figures_system")))
        rows = dashboards.query_dashboards(viewer=viewer).only("pk", "name")
        own = [(str(row.pk), row.name, self.object_url(row)) for row in rows]
        tabs_of, dashboards_of = (
            [{"label": label, "url": url, "is_chosen": name == key} for name, label, url in places]
            for places in (tabs, own)
        )
        return {"tabs": tabs_of, "dashboards": dashboards_of, "manage_url": self.list_url()}

    def object_title(self, obj: FigureDashboard) -> str:
        return obj.name

    def object_url(self, obj: Any) -> str:
        return reverse(f"admin:{SHOW}", args=[obj.pk])

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        if obj is None:
            return {"days": 30}
        return {"name": obj.name, "days": obj.days, "is_shared": obj.is_shared, "cards": obj.cards}

    days_shown = Column[FigureDashboard]("Period", lambda obj: dict(SPANS)[str(obj.days)])
    sharing = Column[FigureDashboard]("Shared", lambda obj: chip("Shared", "info", "users") if obj.is_shared else "–")

    @service_action(
        title="New dashboard",
        permission=dashboards.SEE,
        form=DashboardForm,
        tone="primary",
        on_list=True,
    )
    def add(self, request: HttpRequest, obj: None, form: ConsoleForm) -> HttpResponse:
        made = dashboards.create_dashboard(actor=viewer_of(request), **form.cleaned_data)
        return HttpResponseRedirect(self.object_url(made))

    edit = edits(dashboards.change_dashboard, "dashboard_id", dashboards.SEE, DashboardForm, submit="", done="")

    delete = deletes(dashboards.delete_dashboard, "dashboard_id", dashboards.SEE,
                     explain="The figures themselves stay.", done="")  # fmt: skip
