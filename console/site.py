"""The console's admin site: who may enter, what every page knows, and which pages exist."""

from typing import Any

from django.contrib.auth import logout as sign_out
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, reverse

from accounts.sign_in.views import sign_in
from console import banners, navigation, tenants, tiles
from console.base.kit import KitSite
from console.base.model_admin import ReadOnlyAdmin
from console.viewers import is_fragment, viewer_of, viewer_or_none

CLOSED = {"search", "app_list", "view_on_site", "autocomplete", "password_change", "password_change_done"}


class WalkerAdminSite(KitSite):
    """Django's admin as the console: one seat in the session's tenant opens it."""

    site_title = "Walker"
    site_header = "Walker"
    index_title = "Dashboard"
    site_url = None
    enable_nav_sidebar = False
    index_template = "console/dashboard.html"

    def has_permission(self, request: HttpRequest) -> bool:
        """Let in an active person with an active membership in the session's tenant."""
        user = request.user
        return bool(user.is_authenticated and user.is_active and viewer_or_none(request))

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Leave out pages that list, search or resolve more than ours show."""
        return [pattern for pattern in super().get_urls() if getattr(pattern, "name", None) not in CLOSED]

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Take admins built on our bases; those that packages bring along stay out."""
        if admin_class is not None and issubclass(admin_class, ReadOnlyAdmin):
            super().register(model_or_iterable, admin_class, **options)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Return nothing: our navigation is not a list of apps."""
        return []

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Return what every page shows: navigation with badges, the person, the tenant."""
        viewer = viewer_or_none(request)
        tenant = getattr(request, "tenant", None)
        context: dict[str, Any] = {
            "site_title": self.site_title,
            "site_header": self.site_header,
            "has_permission": viewer is not None,
            "is_popup": False,
            "is_nav_sidebar_enabled": False,
            "available_apps": [],
            "shell": "console/fragment.html" if is_fragment(request) else "console/shell.html",
            "viewer": viewer,
            "tenant": tenant,
        }
        if viewer and tenant:
            context["tenants"] = tenants.choices(request)
            context["security_url"] = reverse("mfa_index")
            # A fragment is asked for because something has just happened.
            fresh = is_fragment(request)
            context["navigation"] = navigation.build(
                self, viewer, tenant.pk, request.path, chosen=request.COOKIES, fresh=fresh
            )
        return context

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Show the dashboard: the tiles the viewer may see."""
        context = {
            **self.each_context(request),
            "title": self.index_title,
            "banners": banners.shown_to(viewer_of(request), on_dashboard=True),
            "tiles": tiles.shown_to(viewer_of(request)),
            **(extra_context or {}),
        }
        return TemplateResponse(request, self.index_template, context)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show our sign-in page; somebody signed in without a seat here is told so."""
        if request.user.is_authenticated and request.method == "GET":
            if self.has_permission(request):
                return HttpResponseRedirect(reverse(f"{self.name}:index"))
            raise PermissionDenied("You are signed in, but have no seat in this organisation.")
        return sign_in(request)

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Sign out; it answers POST only."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        sign_out(request)
        return HttpResponseRedirect(reverse(f"{self.name}:login"))
