"""All routes of the installation."""

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import include, path

from console.base.browser_errors import take_report


def front_door(request: HttpRequest) -> HttpResponse:
    """Send a visitor of the bare address to the console."""
    return redirect(settings.LOGIN_REDIRECT_URL)


def favicon(request: HttpRequest) -> HttpResponse:
    """Send browsers that ask for the icon by its old name to ours: pages without a head, such as JSON, name none."""
    return redirect(static("console/mark.svg"))


# Not when Django starts, as its own admin app would: beat and many commands have no use for pages.
admin.autodiscover()

urlpatterns = [
    path("", front_door, name="front_door"),
    path("favicon.ico", favicon, name="favicon"),
    path("browser-errors/", take_report, name="browser_errors"),
    path("", include("accounts.urls")),
    path("", include("core.observability.urls")),
    path("", include("channels_app.urls")),
    path("", include("agents.mcp.urls")),
    path("", include("analytics.urls")),
    path("", include("integrations.transactions.urls")),
    path("", include("integrations.hubspot.urls")),
    path("", include("integrations.zendesk.urls")),
    path("", include("hitl.decision_links.urls")),
    path("", include("hitl.evidence.urls")),
    path("", include("config.api")),
    path("admin/", admin.site.urls),
]
handler500 = "config.pages.server_error"
