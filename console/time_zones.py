"""Time zones: as form choices by city, grouped by region, and the tenant's on the console's pages."""

from collections.abc import Callable
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from core.clock import zones

WORLD: Final = "Everywhere"
CONSOLE: Final = "/admin/"


def zone_choices(kept: str = "") -> list[tuple[str, list[tuple[str, str]]]]:
    """Return all zones by region, including `kept`, the stored one."""
    names = list(zones())
    if kept and kept not in names and kept in available_timezones():
        names.append(kept)
    regions: dict[str, list[tuple[str, str]]] = {WORLD: []}
    for name in names:
        region, slash, place = name.partition("/")
        country, has_city, city = (place or name).replace("_", " ").partition("/")
        # `America/Argentina/Buenos_Aires` reads "Buenos Aires, Argentina".
        label = f"{city}, {country}" if has_city else country
        regions.setdefault(region if slash else WORLD, []).append((name, label))
    return [(region, sorted(rows, key=lambda row: row[1])) for region, rows in regions.items()]


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
