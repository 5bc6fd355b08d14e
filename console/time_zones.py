"""Time zones: as form choices by city, grouped by region, and one's own on the console's pages."""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.selectors import tenant_zone
from core.clock import zones

_organisation: ContextVar[ZoneInfo | None] = ContextVar("walker_organisation_zone", default=None)
WORLD: Final = "Everywhere"
CONSOLE: Final = "/admin/"
OWN_ZONE: Final = ("", "Your organisation's time zone")
PROFILE: Final = ("", "That of your profile")


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


def organisation_zone() -> ZoneInfo:
    """Return the tenant's time zone, in which days are counted for all its people. On the console's pages no query."""
    return _organisation.get() or tenant_zone()


class TenantZoneMiddleware:
    """Activates a person's own time zone for console pages, or the tenant's."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request in the zone of the person's profile, else in the tenant's, or in UTC without a tenant."""
        tenant = getattr(request, "tenant", None) if request.path.startswith(CONSOLE) else None
        if not tenant:
            return self.get_response(request)
        own, organisation = getattr(request, "zone", ""), ZoneInfo(tenant.timezone)
        token = _organisation.set(organisation)
        try:
            # A zone that the system no longer knows must not close the console.
            with timezone.override(ZoneInfo(own) if own in zones() else organisation):
                return self.get_response(request)
        finally:
            _organisation.reset(token)
