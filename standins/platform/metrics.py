"""A campaign's daily figures, derived from its name and the date, so that every run has the same."""

import hashlib
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from standins.clock import now

CENT = Decimal("0.01")
WEEKDAY_PACE = ("0.94", "0.97", "1.00", "0.98", "0.93", "0.81", "0.78")
LAST_DAYS = 7


def today() -> date:
    """Return today's date in UTC."""
    return now().date()


def _wobble(campaign: str, day: date, what: str) -> Decimal:
    """Return a number in [0.90, 1.00] derived from the arguments, not random."""
    digest = hashlib.sha256(f"{campaign}:{day.isoformat()}:{what}".encode()).digest()
    return Decimal("0.90") + Decimal(int.from_bytes(digest[:2], "big")) / Decimal(655360)


def _order_value(campaign: str) -> Decimal:
    """Return what one conversion of a campaign is worth, from 30.00 to 109.99."""
    digest = hashlib.sha256(f"{campaign}:order".encode()).digest()
    return Decimal(3000 + int.from_bytes(digest[:2], "big") % 8000) / 100


def views_before(title: str, views: int) -> int:
    """Return the views of the thirty days before the last thirty."""
    digest = hashlib.sha256(f"{title}:views".encode()).digest()
    return views * (80 + digest[0] % 50) // 100


def day_figures(traits: dict[str, Any], campaign: str, day: date) -> dict[str, Any]:
    """Return spend and revenue (decimal strings), impressions, clicks and conversions of one campaign and day."""
    pace = Decimal(WEEKDAY_PACE[day.weekday()])
    spend = (Decimal(traits["pace"]) * pace * _wobble(campaign, day, "spend")).quantize(CENT, ROUND_HALF_UP)
    clicks = int(spend / Decimal(traits["cost_per_click"]))
    impressions = int(clicks / Decimal(traits["click_rate"]))
    rate = Decimal(traits["conversion_rate"]) * _wobble(campaign, day, "conversions")
    conversions = int(clicks * rate)
    revenue = (conversions * _order_value(campaign)).quantize(CENT, ROUND_HALF_UP)
    return {
        "date": day.isoformat(),
        "spend": str(spend),
        "revenue": str(revenue),
        "impressions": impressions,
        "clicks": clicks,
        "conversions": conversions,
    }


def series(traits: dict[str, Any], campaign: str, first: date, last: date) -> list[dict[str, Any]]:
    """Return the figures of each day from `first` to `last`, both included."""
    days = (last - first).days + 1
    return [day_figures(traits, campaign, first + timedelta(n)) for n in range(days)]


def total(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the sums of a series; spend stays a decimal string."""
    spend = sum((Decimal(row["spend"]) for row in rows), Decimal("0.00"))
    revenue = sum((Decimal(row["revenue"]) for row in rows), Decimal("0.00"))
    sums: dict[str, Any] = {"spend": str(spend), "revenue": str(revenue)}
    for name in ("impressions", "clicks", "conversions"):
        sums[name] = sum(row[name] for row in rows)
    return sums


def last_week(traits: dict[str, Any], campaign: str) -> dict[str, Any]:
    """Return the sums of the seven days before today."""
    end = today() - timedelta(1)
    return total(series(traits, campaign, end - timedelta(LAST_DAYS - 1), end))
