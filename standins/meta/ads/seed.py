"""The demo's ad accounts at Meta: who may use them, their campaigns and ad sets; and the app that asks."""

import hashlib
from datetime import timedelta
from typing import Any

from standins.ads import AdsStore
from standins.clock import now
from standins.consent import App, ConsentPage, origins_of
from standins.store import Document

PEOPLE = {
    "acme": "Olivia Berg (Acme Shoes)",
    "globex": "Grace Hill (Globex Travel)",
    "nobody": "Noel, who has no ad account",
}
SCOPES = {
    "ads_read": "See ad accounts, campaigns and their figures",
    "ads_management": "Change budgets, pause and resume campaigns",
    "business_management": "See the businesses behind the ad accounts",
}
# owner, name, currency, time zone, smallest daily budget in the currency's smallest unit
ACCOUNTS = (
    ("acme", "Acme Shoes", "EUR", "Europe/Berlin", 100),
    ("acme", "Acme Shoes Japan", "JPY", "Asia/Tokyo", 100),
    ("globex", "Globex Travel", "USD", "America/New_York", 100),
    ("globex", "Globex Travel Korea", "KRW", "Asia/Seoul", 1000),
)
# campaign, status, budgets of the campaign, its ad sets with theirs
Budgets = dict[str, int]
CAMPAIGNS: dict[str, tuple[tuple[str, str, Budgets, tuple[tuple[str, Budgets], ...]], ...]] = {
    "Acme Shoes": (
        ("Summer Sale", "ACTIVE", {"daily_budget": 50000}, (("Runners", {}), ("Lookalikes", {}))),
        ("Retargeting", "ACTIVE", {}, (("Full carts", {"daily_budget": 9000}), ("Readers", {"daily_budget": 6000}))),
        ("Black Friday 2026", "ACTIVE", {"lifetime_budget": 3600000}, (("Everybody", {}),)),
        ("Back to School", "PAUSED", {}, (("Parents", {"lifetime_budget": 240000}),)),
    ),
    "Acme Shoes Japan": (("Brand Japan", "ACTIVE", {"daily_budget": 30000}, (("Tokyo", {}),)),),
    "Globex Travel": (
        ("City Breaks", "ACTIVE", {"daily_budget": 75000}, (("Couples", {}),)),
        ("Business Travel", "ACTIVE", {}, (("Managers", {"daily_budget": 26000}),)),
    ),
    "Globex Travel Korea": (("Seoul Weekends", "ACTIVE", {"daily_budget": 400000}, (("Seoul", {}),)),),
}
TRAITS = {"cost_per_click": "0.55", "click_rate": "0.014", "conversion_rate": "0.03"}


def digits(*words: str, length: int = 15) -> str:
    """Return a number made of words; fixed, so that tests know it."""
    return str(int(hashlib.sha256(":".join(words).encode()).hexdigest()[:24], 16)).zfill(length)[:length]


def account_id(name: str) -> str:
    """Return the number of an ad account, without `act_`."""
    return "9" + digits("ads", name, length=14)


def campaign_id(account: str, name: str) -> str:
    """Return the id of a campaign, by the names of its account and itself."""
    return "1202" + digits("campaign", account, name, length=14)


def ad_set_id(account: str, campaign: str, name: str) -> str:
    """Return the id of an ad set."""
    return "1203" + digits("adset", account, campaign, name, length=14)


def app_id() -> str:
    """Return the id of the app that is registered for the product."""
    return "5" + digits("app", "walker", length=14)


def ads_app_secret(secret: str) -> str:
    """Return the app's secret, derived from the secret shared with the installation."""
    return hashlib.sha256(f"{secret}:meta:ads-app".encode()).hexdigest()[:32]


def consent_page(secret: str, *addresses: str) -> ConsentPage:
    """Return the page on which people allow the app, whose callbacks lie at the addresses."""
    app = App(app_id(), "Walker", origins_of(*addresses), ads_app_secret(secret))
    return ConsentPage("Meta", app, PEOPLE, SCOPES)


def seed_ads(store: AdsStore) -> None:
    """Fill an empty store."""
    began = now() - timedelta(days=90)
    for position, (owner, name, currency, zone, least) in enumerate(ACCOUNTS):
        number = account_id(name)
        facts = {"id": number, "name": name, "currency": currency, "timezone": zone, "least": least}
        store.add_account(facts, (owner,), position)
        for place, (title, status, budgets, ad_sets) in enumerate(CAMPAIGNS[name]):
            campaign = campaign_id(name, title)
            common: Document = {"account": number, "created": began.isoformat(), "updated": began.isoformat()}
            own: dict[str, Any] = {"id": campaign, "kind": "campaign", "name": title, "status": status}
            store.add(number, "campaign", {**common, **own, **_budgets(budgets), "objective": "OUTCOME_SALES"}, place)
            for rank, (title_of_set, its_budgets) in enumerate(ad_sets):
                given = budgets or its_budgets
                daily = given.get("daily_budget", 0) or given["lifetime_budget"] // 30
                pace = str(daily // 150 // len(ad_sets) or 1)
                body = {"id": ad_set_id(name, title, title_of_set), "kind": "adset", "name": title_of_set}
                more = {"campaign": campaign, "status": "ACTIVE", "traits": {**TRAITS, "pace": pace}}
                store.add(number, "adset", {**common, **body, **_budgets(its_budgets), **more}, place * 100 + rank)


def _budgets(given: Budgets) -> Document:
    return {"daily_budget": given.get("daily_budget"), "lifetime_budget": given.get("lifetime_budget")}
