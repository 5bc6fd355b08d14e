"""The demo's customers at Google Ads: direct ones, one below a manager, budgets of one campaign and shared ones."""

import hashlib

from standins.ads import AdsStore
from standins.clock import now
from standins.consent import App, ConsentPage, origins_of

PEOPLE = {
    "acme": "olivia.berg@acme.example",
    "globex": "grace.hill@globex.example",
    "nobody": "noel@nowhere.example",
}
SCOPE = "https://www.googleapis.com/auth/adwords"
SCOPES = {SCOPE: "See, edit, create and delete your Google Ads accounts and data"}
# name, who may use it directly, currency, time zone, name of its manager
CUSTOMERS = (
    ("Acme Shoes", "acme", "EUR", "Europe/Berlin", ""),
    ("Acme Shoes Japan", "acme", "JPY", "Asia/Tokyo", ""),
    ("Globex (manager)", "globex", "USD", "America/New_York", ""),
    ("Globex Travel", "", "USD", "America/New_York", "Globex (manager)"),
    ("Globex Travel Korea", "", "KRW", "Asia/Seoul", "Globex (manager)"),
)
# budget, micros, shared, its campaigns with their status and channel
BUDGETS: dict[str, tuple[tuple[str, int, bool, tuple[tuple[str, str, str], ...]], ...]] = {
    "Acme Shoes": (
        ("Brand Search", 220_000_000, False, (("Brand Search", "ENABLED", "SEARCH"),)),
        (
            "Boots together",
            650_000_000,
            True,
            (("Winter Boots", "ENABLED", "SHOPPING"), ("Hiking Boots", "ENABLED", "SEARCH")),
        ),
        ("Video Awareness", 400_000_000, False, (("Video Awareness", "PAUSED", "VIDEO"),)),
    ),
    "Acme Shoes Japan": (("Tokyo", 30_000_000_000, False, (("Tokyo", "ENABLED", "SEARCH"),)),),
    "Globex Travel": (
        ("Business Travel", 900_000_000, False, (("Business Travel", "ENABLED", "SEARCH"),)),
        (
            "Breaks together",
            140_000_000,
            True,
            (
                ("City Breaks", "ENABLED", "DISPLAY"),
                ("Beach Breaks", "ENABLED", "DISPLAY"),
                ("Ski", "PAUSED", "SEARCH"),
            ),
        ),
    ),
    "Globex Travel Korea": (("Seoul", 400_000_000_000, False, (("Seoul", "ENABLED", "SEARCH"),)),),
}
# A budget for the whole run of a campaign instead of one a day.
TOTALS = {("Acme Shoes", "Video Awareness"): 12_000_000_000}
TRAITS = {"cost_per_click": "0.60", "click_rate": "0.031", "conversion_rate": "0.035"}


def _digits(*words: str, length: int) -> str:
    number = int(hashlib.sha256(":".join(words).encode()).hexdigest()[:24], 16)
    return str(number).zfill(length)[:length]


def customer_id(name: str) -> str:
    """Return the id of a customer: ten digits, without hyphens."""
    return "7" + _digits("google", "customer", name, length=9)


def campaign_name(customer: str, name: str) -> str:
    """Return the resource name of a campaign, by the names of its customer and itself."""
    return f"customers/{customer_id(customer)}/campaigns/2{_digits('campaign', customer, name, length=10)}"


def budget_name(customer: str, name: str) -> str:
    """Return the resource name of a budget."""
    return f"customers/{customer_id(customer)}/campaignBudgets/1{_digits('budget', customer, name, length=10)}"


def client_id() -> str:
    """Return the id of the app that is registered for the product."""
    return f"{_digits('google', 'walker', length=12)}-sandbox.apps.googleusercontent.com"


def client_secret(secret: str) -> str:
    """Return the app's secret, derived from the secret shared with the installation."""
    return "GOCSPX-" + hashlib.sha256(f"{secret}:google-ads".encode()).hexdigest()[:28]


def consent_page(secret: str, *addresses: str) -> ConsentPage:
    """Return the page on which people allow the app, whose callbacks lie at the addresses."""
    app = App(client_id(), "Walker", origins_of(*addresses), client_secret(secret))
    return ConsentPage("Google", app, PEOPLE, SCOPES)


def seed_customers(store: AdsStore) -> None:
    """Fill an empty store."""
    managers = {manager for *_, manager in CUSTOMERS if manager}
    for position, (name, owner, currency, zone, manager) in enumerate(CUSTOMERS):
        number = customer_id(name)
        facts = {"id": number, "name": name, "currency": currency, "timezone": zone, "is_manager": name in managers}
        more = {"manager": customer_id(manager) if manager else ""}
        store.add_account({**facts, **more}, (owner,) if owner else (), position)
        for place, (title, micros, is_shared, campaigns) in enumerate(BUDGETS.get(name, ())):
            total = TOTALS.get((name, title))
            budget = budget_name(name, title)
            store.add(number, "budget", {
                "id": budget, "account": number, "kind": "budget", "name": title, "status": "ENABLED",
                "amount_micros": None if total else micros, "total_amount_micros": total,
                "explicitly_shared": is_shared, "period": "CUSTOM_PERIOD" if total else "DAILY",
                "updated": now().isoformat(),
            }, place)  # fmt: skip
            pace = str(max(1, micros // 1_500_000 // len(campaigns)))
            for rank, (campaign, status, channel) in enumerate(campaigns):
                store.add(number, "campaign", {
                    "id": campaign_name(name, campaign), "account": number, "kind": "campaign", "name": campaign,
                    "status": status, "channel": channel, "budget": budget, "traits": {**TRAITS, "pace": pace},
                    "updated": now().isoformat(),
                }, place * 100 + rank)  # fmt: skip
