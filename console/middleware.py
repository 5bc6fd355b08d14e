"""Shows the console's times in the tenant's time zone."""

from collections.abc import Callable
from typing import Final
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

CONSOLE: Final = "/admin/"


class TenantZoneMiddleware:
    """Activates the tenant's time zone for console pages."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request in the tenant's time zone, or in UTC without a tenant."""
        tenant = getattr(request, "tenant", None) if request.path.startswith(CONSOLE) else None
        if not tenant:
            return self.get_response(request)
        with timezone.override(ZoneInfo(tenant.timezone)):
            return self.get_response(request)
