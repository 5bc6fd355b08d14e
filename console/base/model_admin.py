"""Base classes of all admins: read-only by default, tenant-scoped, no lookups on masked fields."""

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from django.contrib.admin.utils import display_for_value, lookup_field
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import SimpleLazyObject

from console.base.actions import (
    ServiceAction,
    action_url,
    actions_of,
    every_action,
    show_form,
    url_name,
    urls_of,
    usable,
    why_not,
)
from console.base.forms import ConsoleForm
from console.base.kit import KitModelAdmin
from console.base.lists import CappedPaginator
from console.base.saved_views import VIEW
from console.base.toolbar import SEARCH, QuickFilter, ToolbarChangeList
from console.navigation import Nav
from console.templatetags.console_ui import exact
from console.viewers import viewer_of, viewer_or_none
from core.actors import Actor
from core.audit.refusals import Watched, note_refusal
from core.errors import NotFound, WalkerError


class ReadOnlyAdmin(KitModelAdmin):
    """Shows rows and changes none; the subclass names the permission to view them.

    Only declared filters are accepted, so `?phone__startswith=` on a masked column is refused; the order is
    fixed, and search uses unmasked fields only.
    """

    view_permission: ClassVar[str] = ""
    share_kind: ClassVar[str] = ""
    """The kind of rows that are shared with people, if any: then the page opens to them, too, and shows those alone."""
    nav: ClassVar[Nav]
    site_pages: ClassVar[tuple[tuple[Nav, str] | tuple[Nav, str, str], ...]] = ()
    """Pages of `get_site_urls` in the navigation, by the names of their URLs; a setting has its sentence, too."""
    masked_fields: ClassVar[tuple[str, ...]] = ()
    detail_fields: ClassVar[tuple[str, ...]] = ()
    detail_template = "console/detail.html"
    is_elsewhere: ClassVar[bool] = False
    """Whether a row is shown on another page, which `object_url` names and the row's address redirects to."""
    intro: ClassVar[str] = ""
    empty_title: ClassVar[str] = "Nothing here yet"
    empty_text: ClassVar[str] = ""
    live_topic: ClassVar[str] = ""
    quick_filters: ClassVar[tuple[QuickFilter, ...]] = ()
    sorts: ClassVar[Mapping[str, tuple[str, str]]] = {}
    """The orders that a column's heading offers: the first click's and the second's."""
    has_search: ClassVar[bool] = False
    has_saved_views: ClassVar[bool] = False
    """Whether people save views of the list; `list_filter` then has a `ViewFilter`."""
    view_parameter: ClassVar[str] = VIEW
    """The parameter that says as which saved view the list was opened."""
    search_hint: ClassVar[str] = "Search"
    watched: ClassVar[Watched | None] = None
    """The rows that refused attempts are noted about, if any."""
    change_list_template = "console/list.html"
    list_display_links = None
    list_per_page = 50
    show_full_result_count = False
    paginator = CappedPaginator
    actions = None
    sortable_by = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Raise `TypeError` for a class that would search, filter or order by a masked field."""
        super().__init_subclass__(**kwargs)
        masked = set(cls.masked_fields)
        used = [*(cls.search_fields or ()), *(cls.ordering or ())]
        used += [getattr(entry, "field", entry) for entry in (cls.list_filter or ())]
        open_fields = {str(name).strip("^=@-").split("__")[0] for name in used}
        if masked & open_fields:
            raise TypeError(f"{cls.__name__} searches, filters or orders by {sorted(masked & open_fields)}")

    @property
    def list_label(self) -> str:
        """Return the name of the list, as titles and breadcrumbs show it."""
        return self.nav.label

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return True if the viewer's role may see this page."""
        viewer = viewer_or_none(request)
        return viewer is not None and self.opens_to(viewer)

    def opens_to(self, viewer: Actor) -> bool:
        """Return True if the viewer may open these pages; the navigation uses it, too."""
        return viewer.may(self.view_permission) or viewer.has_share(self.share_kind, self.view_permission)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Return True if the viewer may see the app."""
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False, and so for changing and deleting: services do that."""
        return False

    has_change_permission = has_delete_permission = has_add_permission

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Allow the parameters of the declared filters and nothing else."""
        return lookup in {entry.parameter_name for entry in (self.list_filter or ())}  # type: ignore[union-attr]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ToolbarChangeList]:
        """Return our change list, which never counts rows."""
        return ToolbarChangeList

    def get_quick_filters(self, request: HttpRequest) -> tuple[QuickFilter, ...]:
        """Return the chips above the list for this viewer."""
        return self.quick_filters

    def list_parameters(self) -> Collection[str]:
        """Return the parameters that a saved view of the list keeps."""
        names = {str(each.parameter_name) for each in self.list_filter or ()} - {self.view_parameter}  # type: ignore[union-attr]
        return {*names, SEARCH} if self.has_search else names

    def get_urls(self) -> list[URLPattern]:
        """Return the URLs of the list and of one row; no add, delete or history page."""
        opts, wrap = self.model._meta, self.admin_site.admin_view
        base = f"{opts.app_label}_{opts.model_name}"
        return [
            path("", wrap(self.changelist_view), name=f"{base}_changelist"),
            path("<uuid:object_id>/", wrap(self.detail_view), name=f"{base}_change"),
        ]

    def get_site_urls(self) -> list[URLPattern]:
        """Return URLs that stand directly below the console's address; none by default."""
        return []

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list; it answers GET only."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET"])
        if not self.has_view_permission(request):
            raise PermissionDenied("Your role can't open this page.")
        context = {"title": self.list_label, "intro": self.intro, **(extra_context or {})}
        return super().changelist_view(request, {**context, **self.list_context(request)})

    def prepare_rows(self, request: HttpRequest, rows: list[Any]) -> None:
        """Load what the columns of all rows need, such as names, in one go."""

    def prepare_detail(self, request: HttpRequest, obj: Any) -> None:
        """Read what the page of one row needs; by default what its columns need."""
        self.prepare_rows(request, [obj])

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        """Return extra context for the list's template."""
        return {}

    def detail_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """Show one row; missing rows and those of other tenants are both 404."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET"])
        if not self.has_view_permission(request):
            raise PermissionDenied("Your role can't open this page.")
        obj = self.object_or_404(request, object_id)
        if self.is_elsewhere:
            return HttpResponseRedirect(self.object_url(obj))
        self.prepare_detail(request, obj)
        context = self.page_context(request, self.object_title(obj), obj=obj, **self.detail_context(request, obj))
        return TemplateResponse(request, self.detail_template, context)

    def page_context(self, request: HttpRequest, title: str, **shown: Any) -> dict[str, Any]:
        """Return the context of a page that stands below the list, with what it shows."""
        place = {"title": title, "opts": self.opts, "list_title": self.list_label, "list_url": self.list_url()}
        return {**self.admin_site.each_context(request), **place, **shown}

    def detail_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """Return context for the page of one row; by default the declared fields."""
        return {"rows": [self.describe_field(name, obj) for name in self.detail_fields]}

    def describe_field(self, name: str, obj: Any) -> tuple[str, Any]:
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
        """Return the row; raises `Http404` if it is missing or in another tenant."""
        obj = self.object_rows(request).filter(pk=object_id).first()
        if obj is None:
            self.note_refusal(request, NotFound(), object_id)
            raise Http404("This page doesn't exist or you don't have access to it.")
        return obj

    def note_refusal(self, request: HttpRequest, problem: WalkerError, object_id: UUID | None) -> None:
        """Note a refused attempt on one of these rows in the audit log."""
        opts = self.model._meta
        name = (request.resolver_match.url_name if request.resolver_match else None) or ""
        note_refusal(
            self.watched,
            problem,
            actor=viewer_or_none(request),
            object_id=object_id,
            move=name.removeprefix(f"{opts.app_label}_{opts.model_name}_"),
            channel="console",
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows of the viewer's tenant."""
        viewer_of(request)
        rows: QuerySet[Any] = self.model._default_manager.all()
        return rows

    def object_rows(self, request: HttpRequest) -> QuerySet[Any]:
        """Return what the page of one row reads: by default what the list reads."""
        return self.get_queryset(request)

    def object_title(self, obj: Any) -> str:
        """Return the heading of one row's page; never personal data."""
        return str(obj)

    def list_url(self) -> str:
        """Return the URL of the list."""
        opts = self.model._meta
        return reverse(f"{self.admin_site.name}:{opts.app_label}_{opts.model_name}_changelist")

    def object_url(self, obj: Any) -> str:
        """Return the URL of one row's page."""
        opts = self.model._meta
        return reverse(f"{self.admin_site.name}:{opts.app_label}_{opts.model_name}_change", args=[obj.pk])


class ServiceAdmin(ReadOnlyAdmin):
    """A read-only admin whose rows change through POST forms that call services."""

    service_actions: ClassVar[dict[str, ServiceAction]] = {}
    to_list: ClassVar[Collection[str]] = ()
    """The actions after which the list is shown."""
    edit_page: ClassVar[bool] = False
    """Whether a row is edited on a page of its own: for forms that are too long to stand beside it."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Collect the declared actions."""
        super().__init_subclass__(**kwargs)
        cls.service_actions = actions_of(cls)

    def get_urls(self) -> list[URLPattern]:
        """Return the URLs of the pages and of each action."""
        return [*urls_of(self), *super().get_urls()]

    def why_not(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        """Return, for the viewer, why the action can't be used now, or "" if it can."""
        return ""

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        """Return the form's initial values, such as the digest on the page."""
        return {}

    def action_form(self, request: HttpRequest, action: ServiceAction, obj: Any, *, bound: bool = False) -> ConsoleForm:
        """Return the action's form, bound to the request if `bound`."""
        if action.initial is None:
            initial = self.form_initial(request, action, obj)
        else:
            initial = dict(action.initial(viewer_of(request), obj))
        prefix = f"id_{action.path}_%s"
        if bound:
            return action.form(request.POST, request.FILES, initial=initial, auto_id=prefix)
        return action.form(initial=initial, auto_id=prefix)

    def form_page(
        self, request: HttpRequest, action: ServiceAction, obj: Any, form: ConsoleForm, status: int
    ) -> HttpResponse:
        """Show an action's form: unsent, or with what is wrong in it."""
        return show_form(self, request, action, obj, form, status)

    def offered(self, request: HttpRequest, obj: Any, *, on_list: bool = False) -> list[dict[str, Any]]:
        """Return the actions the viewer may use, each with its form, made when it is drawn, URL and what blocks it.

        `has_fields` tells without making the form if there is anything to fill in.
        """
        viewer = viewer_of(request)
        actions = usable([a for a in every_action(self) if a.on_list == on_list], viewer, obj)
        return [
            {
                "action": action,
                "url": action_url(self, action, obj),
                "form": SimpleLazyObject(partial(self.action_form, request, action, obj)),
                "has_fields": bool(action.form.base_fields),
                "blocked": why_not(self, request, action, obj),
            }
            for action in actions
        ]

    def detail_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """Return the declared fields and the available actions."""
        offered = self.offered(request, obj)
        urls = {offer["action"].path: offer["url"] for offer in offered if self.edit_page}
        beside = [offer for offer in offered if not (self.edit_page and offer["action"].path == "edit")]
        return {**super().detail_context(request, obj), "offered": beside, "edit_url": urls.get("edit", "")}

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        """Return the actions above the list, the primary one first."""
        offered = self.offered(request, None, on_list=True)
        return {
            "offered": sorted(offered, key=lambda offer: offer["action"].tone not in ("primary", "good")),
            "row_keys": self.row_keys(request),
        }

    def list_actions(self) -> dict[str, ServiceAction]:
        """Return the actions above the list, by the names of their URLs."""
        return {url_name(self, action): action for action in self.service_actions.values() if action.on_list}

    def row_keys(self, request: HttpRequest) -> list[dict[str, str]]:
        """Return the keys that act on the focused row of the list: they open its page at the action's form."""
        viewer = viewer_of(request)
        actions = [action for action in self.service_actions.values() if action.key and not action.on_list]
        return [
            {"key": action.key, "path": action.path, "words": action.title}
            for action in actions
            if viewer.may(action.permission)
        ]

    def after_action_url(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        """Return the URL to go to after the action: the row's page, or the list."""
        return self.list_url() if obj is None or action.path in self.to_list else self.object_url(obj)
