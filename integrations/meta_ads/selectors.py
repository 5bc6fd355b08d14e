"""Reading ad campaigns, ad sets and figures, by an open client or through the account of the tenant in scope."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.clock import now
from core.errors import Invalid, Unavailable
from core.text.matching import closest, normalise_name
from integrations import platforms
from integrations.calls.answers import Answer, Ok
from integrations.calls.operations import Line
from integrations.meta_ads.client import MetaAdsClient
from integrations.meta_ads.money import from_smallest, words
from integrations.meta_ads.types import ACTIVE, AdAccount, AdObject, Figures

PROVIDER: Final = "meta_ads"
MOST_CHOICES: Final = 20
ON_AD_CAMPAIGN: Final = "ad campaign"
ON_AD_SETS: Final = "ad sets"
T = TypeVar("T")


def connect(*, attempts: int = 3, seconds: float | None = None) -> AbstractContextManager[MetaAdsClient]:
    """Return a client for the tenant's ad account, whose answers are of now. Raises Unavailable without one."""
    connection = platforms.connection(PROVIDER)
    return connection.open(Line(connection.account, seconds=seconds, attempts=attempts))


def value_of(answer: Answer[T]) -> T:
    """Return the value of a read; raises Unavailable with the code of its failure."""
    if isinstance(answer, Ok):
        return answer.value
    raise Unavailable("Meta didn't answer as expected.", code=f"meta_ads_{answer.code}"[:60])


@dataclass(frozen=True)
class Campaigns:
    """An ad account with its ad campaigns and their ad sets."""

    account: AdAccount
    ad_campaigns: list[AdObject]
    ad_sets: list[AdObject]

    def sets_of(self, ad_campaign: AdObject) -> list[AdObject]:
        """Return the ad sets of an ad campaign."""
        return [one for one in self.ad_sets if one.ad_campaign == ad_campaign.id]

    def money(self, count: int) -> Decimal:
        """Return a budget in the account's currency."""
        return from_smallest(count, self.account.currency)

    def words(self, count: int) -> str:
        """Return a budget as people read it."""
        return words(self.money(count), self.account.currency)

    def daily_of(self, ad_campaign: AdObject) -> int:
        """Return what an ad campaign may spend a day: its own daily budget, or those of its active ad sets."""
        if ad_campaign.has_budget:
            return ad_campaign.daily_budget
        return sum(one.daily_budget for one in self.sets_of(ad_campaign) if one.status == ACTIVE)

    def budget_line(self, one: AdObject) -> str:
        """Return the budget of an ad campaign or ad set as people read it."""
        if one.daily_budget:
            return f"{self.words(one.daily_budget)} a day"
        return f"{self.words(one.lifetime_budget)} for its whole run" if one.lifetime_budget else "no budget of its own"


def read_campaigns(client: MetaAdsClient) -> Campaigns:
    """Return the ad account with all ad campaigns and ad sets (outside calls)."""
    account = value_of(client.get_account())
    return Campaigns(account, value_of(client.list_ad_campaigns()), value_of(client.list_ad_sets()))


def today_of(account: AdAccount) -> date:
    """Return the date where the ad account is."""
    try:
        return now().astimezone(ZoneInfo(account.timezone)).date()
    except (ZoneInfoNotFoundError, ValueError):
        return now().date()


def read_figures(
    client: MetaAdsClient, account: AdAccount, days: int, object_id: str = ""
) -> tuple[date, date, list[Figures]]:
    """Return a period of whole days up to yesterday, and the figures in it (outside calls)."""
    last = today_of(account) - timedelta(1)
    first = last - timedelta(days - 1)
    return first, last, value_of(client.list_figures(first, last, object_id))


def read_spend(client: MetaAdsClient, account: AdAccount, object_id: str) -> Decimal:
    """Return what an ad campaign or ad set spent in the last seven days (outside call)."""
    *_, rows = read_figures(client, account, 7, object_id)
    return sum((row.spend for row in rows), Decimal(0))


def find(rows: Iterable[AdObject], reference: str, field: str, called: str) -> AdObject:
    """Return the only one with this id or name, ignoring case; a near miss is suggested, never chosen.

    Raises Invalid with the choices.
    """
    known, wanted = list(rows), normalise_name(reference)
    columns: tuple[Callable[[AdObject], str], ...] = (lambda one: one.id, lambda one: one.name)
    for column in columns:
        matches = [one for one in known if normalise_name(column(one)) == wanted]
        exact = [one for one in matches if column(one) == reference.strip()]
        if len(matches) == 1 or len(exact) == 1:
            return (exact or matches)[0]
        if matches:
            choices = [f"{one.id} — {one.name}" for one in matches][:MOST_CHOICES]
            raise unclear("Several have this name.", field, called, "ambiguous", choices)
    names = [one.name for one in known]
    near = closest(reference, names)
    raise unclear("None has this name.", field, called, "unknown_name", near or names[:MOST_CHOICES], near=bool(near))


def unclear(problem: str, field: str, called: str, code: str, choices: list[str], *, near: bool = True) -> Invalid:
    """Return the error for a reference that doesn't name exactly one."""
    return Invalid(f"Which {called}? {problem}", code=code, fields={field: [problem]}, choices=choices, near=near)
