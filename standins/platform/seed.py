"""The demo's accounts and their resources."""

from datetime import timedelta
from typing import Any

from standins.platform.metrics import today, views_before
from standins.platform.store import Account, Store
from standins.platform.texts import TEXTS
from standins.store import Document

# name, channel, status, daily budget, spend per day, cost per click, click rate, conversion rate
Campaign = tuple[str, str, str, str, str, str, str, str]
# slug, title, meta description, ((keyword, position, change, clicks), ...)
Page = tuple[str, str, str, tuple[tuple[str, int, int, int], ...]]
# title, kind, status, days since it was published, views, average seconds read, conversions
Content = tuple[str, str, str, int, int, int, int]
# name, size, days since the last message
Audience = tuple[str, int, int]

ACME_CAMPAIGNS: tuple[Campaign, ...] = (
    ("Summer Sale", "search", "active", "500.00", "486.00", "0.62", "0.041", "0.032"),
    ("Brand Search", "search", "active", "220.00", "171.00", "0.18", "0.124", "0.071"),
    ("Retargeting", "display", "active", "150.00", "149.00", "0.34", "0.009", "0.044"),
    ("Winter Boots", "shopping", "active", "650.00", "604.00", "0.27", "0.015", "0.026"),
    ("Back to School", "social", "paused", "300.00", "94.00", "0.55", "0.014", "0.011"),
    ("Black Friday 2026", "search", "active", "1200.00", "1130.00", "0.74", "0.036", "0.041"),
    ("Video Awareness", "video", "active", "400.00", "322.00", "0.09", "0.006", "0.002"),
    ("Newsletter Sign-up", "social", "active", "80.00", "63.00", "0.41", "0.018", "0.093"),
)
GLOBEX_CAMPAIGNS: tuple[Campaign, ...] = (
    ("Summer Sale", "search", "active", "750.00", "702.00", "0.81", "0.037", "0.028"),
    ("Brand Search", "search", "active", "180.00", "133.00", "0.21", "0.117", "0.064"),
    ("Retargeting", "display", "active", "260.00", "241.00", "0.38", "0.008", "0.039"),
    ("Business Travel", "social", "active", "900.00", "811.00", "4.20", "0.007", "0.052"),
    ("City Breaks", "social", "active", "140.00", "126.00", "0.95", "0.012", "0.081"),
    ("Holiday Preview", "video", "paused", "350.00", "88.00", "0.11", "0.005", "0.003"),
)
ACME_PAGES: tuple[Page, ...] = (
    (
        "/",
        "Acme Shoes",
        "Boots and shoes from our own workshop.",
        (("acme shoes", 1, 0, 3410), ("handmade shoes", 8, 2, 520)),
    ),
    (
        "/shoes",
        "Shoes | Acme",
        "All our shoes for city, trail and track.",
        (("running shoes", 11, -3, 640), ("trail shoes", 6, 1, 588)),
    ),
    (
        "/shoes/winter",
        "Winter shoes",
        "Shoes for the winter.",
        (("winter boots", 4, 2, 1710), ("warm boots", 9, 4, 295)),
    ),
    (
        "/blog/running-shoes",
        "Running shoes: our test | Acme",
        "Twelve pairs, two hundred kilometres each: which one lasts?",
        (("running shoes test", 3, 0, 1240), ("best running shoes", 15, -2, 210)),
    ),
    (
        "/pricing",
        "Prices | Acme",
        "Repairs and made-to-measure.",
        (("shoe repair price", 7, 0, 96),),
    ),
    ("/blog", "Blog", "Stories from the workshop.", (("shoe blog", 22, 1, 61),)),
    ("/about", "About us", "Who we are.", (("acme workshop", 2, 0, 143),)),
    ("/contact", "Contact", "", (("acme contact", 1, 0, 188),)),
    ("/faq", "FAQ", "Answers to what people ask us.", (("resole boots", 13, 3, 74),)),
    ("/returns", "Returns", "Send it back within 30 days.", (("acme returns", 1, 0, 260),)),
)
GLOBEX_PAGES: tuple[Page, ...] = (
    (
        "/pricing",
        "Prices | Globex Travel",
        "What our trips cost, flights included.",
        (("globex prices", 1, 0, 880), ("city break prices", 14, -2, 130)),
    ),
    (
        "/city-breaks",
        "City breaks",
        "Three days in forty cities.",
        (("weekend city break", 18, 5, 210),),
    ),
    (
        "/insurance",
        "Travel insurance",
        "What is covered, and how to claim it.",
        (("travel insurance cancellation", 5, 1, 164),),
    ),
)
ACME_CONTENT: tuple[Content, ...] = (
    ("Summer running guide", "article", "draft", 0, 0, 0, 0),
    ("Ten ways to lace your boots", "article", "draft", 0, 0, 0, 0),
    ("Boot care 101", "article", "draft", 0, 0, 0, 0),
    ("Winter boots", "landing page", "published", 12, 8450, 184, 96),
    ("Running shoes: our test", "article", "published", 33, 5210, 227, 71),
    ("How a boot is made", "video", "published", 58, 12940, 71, 22),
)
GLOBEX_CONTENT: tuple[Content, ...] = (
    ("Ten quiet islands", "article", "published", 9, 3120, 245, 58),
    ("New routes for the winter", "article", "draft", 0, 0, 0, 0),
    ("A day in Lisbon", "video", "published", 41, 6705, 88, 17),
)
ACME_AUDIENCES: tuple[Audience, ...] = (
    ("Newsletter subscribers", 18250, 6),
    ("VIP customers", 1480, 34),
    ("Lapsed buyers", 7605, 190),
    ("Bought in the last 90 days", 3140, 21),
    ("Left a full cart", 912, 2),
)
GLOBEX_AUDIENCES: tuple[Audience, ...] = (
    ("Newsletter readers", 640, 3),
    ("Paying customers", 2210, 15),
    ("Asked for a brochure", 1375, 44),
)


def seed_demo(store: Store) -> None:
    """Fill an empty store with the two demo accounts; does nothing if there are accounts."""
    with store.transaction():
        if store.list_accounts():
            return
        acme = Account("acme", "Acme Shoes", "EUR")
        store.add_account(acme, "sandbox-acme")
        _save(store, acme, "campaign", 1000, [_campaign(acme, *row) for row in ACME_CAMPAIGNS])
        _save(store, acme, "page", 1000, [_page("https://shop.acme.example", *row) for row in ACME_PAGES])
        _save(store, acme, "content", 1000, [_content(*row) for row in ACME_CONTENT])
        _save(store, acme, "audience", 1000, [_audience(*row) for row in ACME_AUDIENCES])
        globex = Account("globex", "Globex Travel", "USD")
        store.add_account(globex, "sandbox-globex")
        _save(store, globex, "campaign", 2000, [_campaign(globex, *row) for row in GLOBEX_CAMPAIGNS])
        _save(store, globex, "page", 2000, [_page("https://www.globex.example", *row) for row in GLOBEX_PAGES])
        _save(store, globex, "content", 2000, [_content(*row) for row in GLOBEX_CONTENT])
        _save(store, globex, "audience", 2000, [_audience(*row) for row in GLOBEX_AUDIENCES])


def _save(store: Store, account: Account, kind: str, base: int, rows: list[Document]) -> None:
    for position, row in enumerate(rows, start=1):
        ident = f"{kind[:3]}_{base + position}"
        store.save_resource(account.id, kind, {"id": ident, **row}, position)


def _campaign(account: Account, *row: Any) -> Document:
    name, channel, status, budget, pace, cost_per_click, click_rate, conversion_rate = row
    return {
        "name": name,
        "channel": channel,
        "status": status,
        "daily_budget": budget,
        "currency": account.currency,
        "traits": {
            "pace": pace,
            "cost_per_click": cost_per_click,
            "click_rate": click_rate,
            "conversion_rate": conversion_rate,
        },
    }


def _page(site: str, *row: Any) -> Document:
    slug, title, meta_description, rankings = row
    names = ("keyword", "position", "change", "clicks")
    return {
        "slug": slug,
        "url": f"{site}{slug}",
        "title": title,
        "meta_description": meta_description,
        "rankings": [dict(zip(names, ranking, strict=True)) for ranking in rankings],
    }


def _content(*row: Any) -> Document:
    title, kind, status, days, views, seconds, conversions = row
    published = (today() - timedelta(days)).isoformat() if status == "published" else None
    performance = {
        "views": views,
        "views_before": views_before(title, views),
        "average_seconds": seconds,
        "conversions": conversions,
    }
    return {
        "title": title,
        "kind": kind,
        "text": TEXTS[title],
        "status": status,
        "published_at": published,
        "performance": performance,
    }


def _audience(*row: Any) -> Document:
    name, size, days = row
    return {
        "name": name,
        "size": size,
        "last_contacted": (today() - timedelta(days)).isoformat(),
    }
