"""Base classes of all admins: read-only by default, tenant-scoped, no look-ups on masked fields."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.contrib.admin.utils import display_for_value, lookup_field
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from console.base.actions import ServiceAction, action_url, actions_of, urls_of, usable
from console.base.forms import ConsoleForm
from console.base.kit import KitModelAdmin
from console.base.lists import CappedChangeList, CappedPaginator
from console.navigation import Nav
from console.templatetags.console_ui import exact
from console.viewers import viewer_of, viewer_or_none
from core.actors import Actor


class ReadOnlyAdmin(KitModelAdmin):
    """Shows rows and changes none; the subclass names the permission that opens it.

    Only declared filters may be asked for, so a masked column answers no `?phone__startswith=`;
    the order is the declared one, and the search takes only the fields that are not masked.
    """

    view_permission: ClassVar[str] = ""
    nav: ClassVar[Nav | None] = None
    masked_fields: ClassVar[tuple[str, ...]] = ()
    detail_fields: ClassVar[tuple[str, ...]] = ()
    detail_template = "console/detail.html"
    intro: ClassVar[str] = ""
    empty_title: ClassVar[str] = "Nothing here yet"
    empty_text: ClassVar[str] = ""
    live_topic: ClassVar[str] = ""
    change_list_template = "console/list.html"
    list_display_links = None
    list_per_page = 50
    show_full_result_count = False
    paginator = CappedPaginator
    actions = None
    sortable_by = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Refuse a class that would search, filter or order by a masked field."""
        super().__init_subclass__(**kwargs)
        masked = set(cls.masked_fields)
        asked = [*(cls.search_fields or ()), *(cls.ordering or ())]
        asked += [getattr(entry, "field", entry) for entry in (cls.list_filter or ())]
        open_fields = {str(name).strip("^=@-").split("__")[0] for name in asked}
        if masked & open_fields:
            raise TypeError(f"{cls.__name__} would answer questions about {sorted(masked & open_fields)}")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tell whether the viewer's role opens this page."""
        viewer = viewer_or_none(request)
        return viewer is not None and self.opens_to(viewer)

    def opens_to(self, viewer: Actor) -> bool:
        """Tell whether there is anything for the viewer on these pages; the navigation asks too."""
        return viewer.may(self.view_permission)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Tell whether the viewer sees the app."""
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: rows are made by services."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: rows are changed by services."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: rows are not deleted here."""
        return False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Allow the parameters of the declared filters and nothing else."""
        return lookup in {entry.parameter_name for entry in (self.list_filter or ())}  # type: ignore[union-attr]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[CappedChangeList]:
        """Return the list that never counts."""
        return CappedChangeList

    def get_urls(self) -> list[URLPattern]:
        """Offer the list and the page of one row; no add, delete or history page."""
        opts, wrap = self.model._meta, self.admin_site.admin_view
        base = f"{opts.app_label}_{opts.model_name}"
        return [
            path("", wrap(self.changelist_view), name=f"{base}_changelist"),
            path("<uuid:object_id>/", wrap(self.detail_view), name=f"{base}_change"),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list; it answers GET only."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET"])
        context = {"title": self.nav.label if self.nav else "", "intro": self.intro, **(extra_context or {})}
        return super().changelist_view(request, {**context, **self.list_context(request)})

    def prepare_rows(self, request: HttpRequest, rows: list[Any]) -> None:
        """Read at once what the columns of all rows need, such as names."""

    def prepare_detail(self, request: HttpRequest, obj: Any) -> None:
        """Read what the page of one row needs; by default what its columns need."""
        self.prepare_rows(request, [obj])

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        """Return what the list's template needs besides the rows."""
        return {}

    def detail_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """Show one row; absent and not yours are the same answer."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET"])
        if not self.has_view_permission(request):
            raise PermissionDenied("Your role does not open this page.")
        obj = self.object_or_404(request, object_id)
        self.prepare_detail(request, obj)
        context = {
            **self.admin_site.each_context(request),
            "title": self.object_title(obj),
            "opts": self.model._meta,
            "list_title": self.nav.label if self.nav else "",
            "list_url": self.list_url(),
            "obj": obj,
            **self.detail_context(request, obj),
        }
        return TemplateResponse(request, self.detail_template, context)

    def detail_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """Return what the page of one row shows; by default the declared fields."""
        return {"rows": [self.shown(name, obj) for name in self.detail_fields]}

    def shown(self, name: str, obj: Any) -> tuple[str, Any]:
        """Return label and value of one field or display method, as on the list."""
        field, method, value = lookup_field(name, obj, self)
        label = getattr(method, "short_description", "") or (field.verbose_name if field is not None else name)
        if field is not None:
            value = getattr(obj, f"get_{name}_display")() if field.choices else value
            value = exact(value) if isinstance(value, datetime) else display_for_value(value, "–")
        words = str(label).replace("_", " ")
        words = words.removesuffix(" at") if field is not None else words
        return words[:1].upper() + words[1:], "–" if value in (None, "") else value

    def object_or_404(self, request: HttpRequest, object_id: Any) -> Any:
        """Return the viewer's row; raises `Http404` for an absent or a foreign one."""
        found = self.get_queryset(request).filter(pk=object_id).first()
        if found is None:
            raise Http404("There is no such page, or it is not yours.")
        return found

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows of the viewer's tenant, with what the columns need."""
        viewer_of(request)
        rows: QuerySet[Any] = self.model._default_manager.all()
        return rows

    def object_title(self, obj: Any) -> str:
        """Return the heading of one row's page; never personal data."""
        return str(obj)

    def list_url(self) -> str:
        """Return where the list is."""
        opts = self.model._meta
        return reverse(f"{self.admin_site.name}:{opts.app_label}_{opts.model_name}_changelist")

    def object_url(self, obj: Any) -> str:
        """Return where one row is shown."""
        opts = self.model._meta
        return reverse(f"{self.admin_site.name}:{opts.app_label}_{opts.model_name}_change", args=[obj.pk])


class ServiceAdmin(ReadOnlyAdmin):
    """A read-only admin whose rows change through POST forms that call services."""

    service_actions: ClassVar[dict[str, ServiceAction]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Collect the declared actions."""
        super().__init_subclass__(**kwargs)
        cls.service_actions = actions_of(cls)

    def get_urls(self) -> list[URLPattern]:
        """Offer the pages and one URL for each action."""
        return [*urls_of(self), *super().get_urls()]

    def why_not(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        """Return why the action cannot be used now, in words for the viewer; empty when it can."""
        return ""

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        """Return the values a form starts with, such as the digest that is shown."""
        return {}

    def action_form(self, request: HttpRequest, action: ServiceAction, obj: Any, *, bound: bool = False) -> ConsoleForm:
        """Return the action's form, filled from the request when it was posted."""
        initial = self.form_initial(request, action, obj)
        prefix = f"id_{action.path}_%s"
        if bound:
            return action.form(request.POST, request.FILES, initial=initial, auto_id=prefix)
        return action.form(initial=initial, auto_id=prefix)

    def offered(self, request: HttpRequest, obj: Any, *, on_list: bool = False) -> list[dict[str, Any]]:
        """Return the actions the viewer's role allows, each with its form, URL and what is in the way."""
        viewer = viewer_of(request)
        kept = usable([a for a in self.service_actions.values() if a.on_list == on_list], viewer, obj)
        return [
            {
                "action": action,
                "url": action_url(self, action, obj),
                "form": self.action_form(request, action, obj),
                "blocked": self.why_not(request, action, obj),
            }
            for action in kept
        ]

    def detail_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """Return the declared fields and the offered actions."""
        return {**super().detail_context(request, obj), "offered": self.offered(request, obj)}

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        """Return the actions that stand above the list, the main one first."""
        offered = self.offered(request, None, on_list=True)
        return {"offered": sorted(offered, key=lambda offer: offer["action"].tone not in ("primary", "good"))}

    def after_action_url(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        """Return where the person goes after the action: the row's page, or the list."""
        return self.list_url() if obj is None else self.object_url(obj)
