"""The console's admin site: access, context of every page, dashboard, sign-in and sign-out."""

from functools import lru_cache, partial, wraps
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import logout as sign_out
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect

from accounts import notices, selectors, services
from accounts.models import Tenant
from accounts.selectors import ActiveMembership
from accounts.sign_in.views import sign_in
from console import navigation, palette, settings_index
from console.base.kit import KitSite
from console.base.model_admin import ReadOnlyAdmin
from console.extensions import list_day, list_errands, list_notices, list_steps, list_tiles
from console.viewers import is_fragment, opens_beside_list, opens_in_place, viewer_of, viewer_or_none
from core.errors import Refused, WalkerError
from core.tenancy.scope import current_tenant_id, tenant_scope

NAME_SECONDS = 60
CLOSED = {"search", "app_list", "view_on_site", "autocomplete", "password_change", "password_change_done"}


class WalkerAdminSite(KitSite):
    """Django's admin as the console, for members of the session's tenant."""

    site_title = "Walker"
    site_header = "Walker"
    index_title = "Dashboard"
    site_url = None
    enable_nav_sidebar = False
    index_template = "console/dashboard.html"

    def has_permission(self, request: HttpRequest) -> bool:
        """Return True for an active person with an active membership in the session's tenant."""
        user = request.user
        return bool(user.is_authenticated and user.is_active and viewer_or_none(request))

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Add our pages; leave out Django's that list, search or resolve more than ours."""
        go = path("go/", self.admin_view(partial(palette.view, self)), name="go")
        index = self.admin_view(partial(settings_index.view, self))
        # Its path decides what it is for: all that lies below the console.
        worker = path("push-worker.js", push_worker, name="push_worker")
        registered: dict[Any, Any] = self._registry
        own = [url for model_admin in registered.values() for url in model_admin.get_site_urls()]
        return [
            go,
            path("settings/", index, name="settings"),
            path("settings/<slug:group>/", index, name="settings_group"),
            worker,
            path("moving-on/", self.admin_view(moving_on), name="moving_on"),
            *own,
            *(pattern for pattern in super().get_urls() if getattr(pattern, "name", None) not in CLOSED),
        ]

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Register admins built on our base classes and ignore those of packages."""
        if admin_class is not None and issubclass(admin_class, ReadOnlyAdmin):
            super().register(model_or_iterable, admin_class, **options)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Return nothing: our navigation is not a list of apps."""
        return []

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Return the context of every page: navigation with badges, bell, viewer and tenant."""
        viewer = viewer_or_none(request)
        tenant = getattr(request, "tenant", None)
        in_place = opens_in_place(request)
        context: dict[str, Any] = {
            "site_title": self.site_title,
            "site_header": self.site_header,
            "has_permission": viewer is not None,
            "is_popup": False,
            "is_nav_sidebar_enabled": False,
            "available_apps": [],
            "shell": "console/fragment.html" if is_fragment(request) or in_place else "console/shell.html",
            "opens_in_place": in_place,
            "viewer": viewer,
            "tenant": tenant,
        }
        if viewer and tenant and not opens_beside_list(request):
            context["tenants"] = _tenant_choices(request)
            memberships: list[ActiveMembership] = getattr(request, "memberships", [])
            here = next((one for one in memberships if one.tenant_id == tenant.pk), None)
            context["picture_key"], context["role_name"] = (here.picture_key, here.role_name) if here else ("", "")
            context["bell"] = notices.read_bell(viewer=viewer) if viewer.may(notices.USE) else None
            # A fragment is requested because something has just changed.
            fresh = is_fragment(request)
            context["navigation"] = navigation.build(self, viewer, tenant.pk, request.path, fresh=fresh)
        return context

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Show the dashboard: what waits for the viewer, the numbers of their day, and the tiles they may see."""
        viewer = viewer_of(request)
        # The set-up can be left out for everybody in the organisation.
        steps = [] if request.tenant.hides_set_up else list_steps(viewer, current_tenant_id())  # type: ignore[attr-defined]
        context = self.each_context(request)  # counts what tiles and numbers show too
        tiles = list_tiles(viewer)
        context = {
            **context,
            "title": self.index_title,
            "banners": list_notices(viewer, on_dashboard=True),
            "steps": steps,
            "steps_done": sum(is_done for _, is_done in steps),
            "may_hide_set_up": viewer.may("accounts.change_tenant"),
            "errands": list_errands(viewer),
            "day": list_day(viewer),
            "side_tiles": [tile for tile in tiles if tile["width"] == "side"],
            "tiles": [tile for tile in tiles if tile["width"] != "side"],
            **(extra_context or {}),
        }
        return TemplateResponse(request, self.index_template, context)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Let everybody who is signed in sign out: also those who are no members, or lack a second factor.

        What a page reads may be refused to an own role that lacks what all built-in ones have: then the page is.
        """
        if view == self.logout:
            return never_cache(csrf_protect(view))

        @wraps(view)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            try:
                return view(request, *args, **kwargs)
            except Refused as problem:
                raise PermissionDenied(problem.detail) from problem

        return super().admin_view(answer, cacheable)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the sign-in page; send a signed-in person on to their company's, or refuse who isn't a member."""
        if request.user.is_authenticated and request.method == "GET":
            if self.has_permission(request):
                return HttpResponseRedirect(reverse(f"{self.name}:index"))
            if company := selectors.company_to_sign_in_at(request.session, request.user.pk):
                return HttpResponseRedirect(reverse("company_start", args=[company]))
            raise PermissionDenied("You're signed in, but you aren't a member of this organisation.")
        return sign_in(request)

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Sign out; POST only."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        sign_out(request)
        return HttpResponseRedirect(reverse(f"{self.name}:login"))


def moving_on(request: HttpRequest) -> HttpResponse:
    """Tell after what the viewer's next request or conversation opens (GET), or change it for them (POST)."""
    if request.method not in ("GET", "HEAD", "POST"):
        return HttpResponseNotAllowed(["GET", "POST"])
    viewer = viewer_of(request)
    if request.method == "POST":
        after, is_on = request.POST.get("after", ""), request.POST.get("on") == "yes"
        try:
            services.choose_moving_on(actor=viewer, after=after, is_on=is_on)
        except WalkerError as error:
            return JsonResponse({"detail": error.detail}, status=error.status)
    return JsonResponse(selectors.moving_on(viewer=viewer))


def push_worker(request: HttpRequest) -> HttpResponse:
    """Return the service worker that shows notices; browsers fetch it without a session, too."""
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET"])
    return HttpResponse(_push_worker_text(), content_type="text/javascript; charset=utf-8")


@lru_cache(maxsize=1)
def _push_worker_text() -> str:
    return Path(settings.BASE_DIR, "static", "console", "push_worker.js").read_text()


def _tenant_choices(request: HttpRequest) -> list[tuple[str, str]]:
    """Return id and name of the tenants the person can switch to; empty with a single one."""
    memberships: list[Any] = getattr(request, "memberships", [])
    if len(memberships) < 2:
        return []
    tenants: list[tuple[str, str]] = []
    for membership in memberships:
        key = f"{membership.tenant_id}:console-name"
        name: str | None = cache.get(key)
        if name is None:
            # A tenant's row is visible in its own scope only.
            with tenant_scope(membership.tenant_id):
                name = Tenant.objects.values_list("name", flat=True).get(pk=membership.tenant_id)
            cache.set(key, name, timeout=NAME_SECONDS)
        tenants.append((str(membership.tenant_id), name))
    return sorted(tenants, key=lambda pair: pair[1])
