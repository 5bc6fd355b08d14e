"""What the organisation uses of its tier, and the notice before it is used up."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction
from django.urls import reverse

from accounts.models import Membership, Notice, Tenant
from accounts.organisation.settings import CHANGE
from accounts.organisation.tiers import KEYS
from accounts.selectors import roster, tenant_zone
from core import notices
from core.actors import Actor
from core.clock import now as clock_now
from core.observability.logging import get_logger
from core.reliability import limits, loose_cache
from core.reliability.limits import Amount, Limit
from core.reliability.rate_limit import in_this_minute
from core.tenancy.scope import current_tenant_id, platform_scope, tenant_scope

log = get_logger(__name__)
NEARLY: Final = 80
"""Percent of a limit at which people get a notice."""
NOTICE: Final = "accounts.usage"
PERIODS: Final[dict[str, Callable[[datetime], str]]] = {
    "day": lambda at: f"{at:%Y-%m-%d}",
    "month": lambda at: f"{at:%Y-%m}",
    "": lambda _: "",
}

notices.register_kind(NOTICE, "Usage", "scale")


class MemberLimit(Limit):
    """Active members."""

    label, unit, is_counted = "Members", "members", True
    way_out = "Remove a member first, or ask your operator for a larger tier."

    def used(self) -> int:
        """Count the members: an index has them by tenant, and they are few."""
        return Membership.objects.filter(is_active=True).count()


class RequestLimit(Limit):
    """Requests to the API in a minute, of all keys and people; refused as `too_many` by the API itself."""

    label, unit, period = "API requests a minute", "API requests a minute", "day"

    def used(self) -> int:
        """Return what the API's own limit has counted in this minute, 0 without Redis."""
        return loose_cache.find(in_this_minute(f"{current_tenant_id()}:api"), what="requests of this minute") or 0


limits.kinds.register("members", MemberLimit)
limits.kinds.register("requests", RequestLimit)


@dataclass(frozen=True, slots=True)
class Use:
    """How much of one thing is used, None where that isn't known now, and its limit, None without one."""

    key: str
    label: str
    used: Amount | None
    limit: Amount | None

    @property
    def percent(self) -> int | None:
        """Return how much of the limit is used, at most 100; None without a limit or a number."""
        if self.limit is None or self.used is None:
            return None
        return min(100, int(self.used * 100 / self.limit)) if self.limit else 100

    @property
    def is_nearly_used(self) -> bool:
        """Return True from `NEARLY` percent of the limit on."""
        return self.percent is not None and self.percent >= NEARLY


def list_usage(*, viewer: Actor) -> list[Use]:
    """Return what the organisation uses, with the limits of its tier. Needs `accounts.change_tenant`."""
    viewer.require(CHANGE)
    return [_use_of(key) for key in KEYS]


def tier_name(*, viewer: Actor) -> str:
    """Return the name of the organisation's tier, "" without one. Needs `accounts.change_tenant`."""
    viewer.require(CHANGE)
    return Tenant.objects.values_list("tier__name", flat=True).get() or ""


def notice_usage(*, now: datetime | None = None) -> None:
    """Tell people of each organisation with a tier, once, what it has nearly used up. For the sweep.

    Enters the scopes itself.
    """
    with platform_scope():  # ids of organisations, no row of anyone
        tenants = list(Tenant.objects.filter(is_active=True, tier_id__isnull=False).values_list("pk", flat=True))
    for tenant_id in tenants:
        with tenant_scope(tenant_id):
            try:
                notice_own_usage(now or clock_now())
            except Exception:
                # What can't be counted for one organisation must not keep notices from the others.
                log.exception("usage_not_noticed", tenant=str(tenant_id))


def notice_own_usage(moment: datetime) -> None:
    """Tell those who may change the organisation in scope, once a limit and period, what is nearly used up."""
    local = moment.astimezone(tenant_zone())
    for key in KEYS:
        kind = limits.kinds.get(key)
        if kind.measure is not None:
            kind.measure()
        if not limits.limit_of(key):
            continue
        use = _use_of(key)
        if not use.is_nearly_used:
            continue  # also where there is to be none of it: nobody nears that
        about = f"usage:{key}:{use.limit}:{PERIODS[kind.period](local)}"
        people = set(roster().holding(CHANGE))
        known = Notice.objects.filter(person_id__in=people, dedupe_key=about).values_list("person_id", flat=True)
        with transaction.atomic():
            notices.leave(
                people=people - set(known),
                kind=NOTICE,
                title=f"{use.percent} % of a limit is used: {use.label}",
                body=f"{use.used:,} of {use.limit:,}. At the limit nothing new is accepted but what customers write.",
                link=reverse("admin:usage"),
                level="warning",
                dedupe_key=about,
            )


def _use_of(key: str) -> Use:
    kind = limits.kinds.get(key)
    return Use(key, kind.label, kind().used(), limits.limit_of(key))
