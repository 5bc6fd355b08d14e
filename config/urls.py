"""All routes of the installation."""

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import include, path


def front_door(request: HttpRequest) -> HttpResponse:
    """Send a visitor of the bare address to the console."""
    return redirect(settings.LOGIN_REDIRECT_URL)


urlpatterns = [
    path("", front_door, name="front_door"),
    path("", include("accounts.urls")),
    *[
        path("", include(f"{name}.urls"))
        for name in ("core", "channels_app")
        if (settings.BASE_DIR / name / "urls.py").exists()  # TEMPORARY while being built
    ],
    path("admin/", admin.site.urls),
]
