"""Insights of accounts, campaigns and ad sets: figures derived from their ids and the date.

Values are strings, as in the answers that facebook-business reads; `spend` is in the currency's main unit, without
places where the currency has none.
"""

import json
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

from standins.meta.ads.errors import invalid_parameter, no_such_field
from standins.platform import metrics
from standins.store import Document

NO_CENTS = ("JPY", "KRW")
FIELDS = frozenset(
    "account_id account_name account_currency campaign_id campaign_name adset_id adset_name impressions clicks spend "
    "reach ctr cpc cpm actions date_start date_stop".split()
)
PRESETS = {"last_3d": 3, "last_7d": 7, "last_14d": 14, "last_28d": 28, "last_30d": 30, "last_90d": 90}
LONGEST = 37 * 31


def period_of(params: Document, today: date) -> tuple[date, date]:
    """Return the first and last day that are asked for; thirty days until yesterday unless said otherwise."""
    if "time_range" in params:
        try:
            given = json.loads(str(params["time_range"]))
            first, last = date.fromisoformat(given["since"]), date.fromisoformat(given["until"])
        except (ValueError, KeyError, TypeError):
            raise invalid_parameter("(#100) Param time_range must be an object", blame="time_range") from None
        if not 0 <= (last - first).days < LONGEST:
            raise invalid_parameter("(#100) The start date cannot be after the end date", blame="time_range")
        return first, last
    preset = str(params.get("date_preset", "last_30d"))
    yesterday = today - timedelta(1)
    fixed = {"today": (today, today), "yesterday": (yesterday, yesterday), "this_month": (today.replace(day=1), today)}
    if preset in fixed:
        return fixed[preset]
    if preset not in PRESETS:
        raise invalid_parameter(
            f"(#100) date_preset must be one of {', '.join((*fixed, *PRESETS))}", blame="date_preset"
        )
    return today - timedelta(PRESETS[preset]), yesterday


def figures(account: Document, ad_sets: Sequence[Document], first: date, last: date) -> Document:
    """Return the sums of ad sets over days."""
    days = [row for one in ad_sets for row in metrics.series(one["traits"], one["id"], first, last)]
    sums = metrics.total(days)
    spend = Decimal(sums["spend"]) * (100 if account["currency"] in NO_CENTS else 1)
    clicks, seen = sums["clicks"], sums["impressions"]
    return {
        "impressions": str(seen),
        "clicks": str(clicks),
        "spend": f"{spend:.0f}" if account["currency"] in NO_CENTS else f"{spend:.2f}",
        "reach": str(seen * 7 // 10),
        "ctr": f"{clicks * 100 / seen if seen else 0:.6f}",
        "cpc": f"{spend / clicks if clicks else 0:.6f}",
        "cpm": f"{spend * 1000 / seen if seen else 0:.6f}",
        "actions": [{"action_type": "purchase", "value": str(sums["conversions"])}],
        "date_start": first.isoformat(),
        "date_stop": last.isoformat(),
    }


def pick(row: Document, fields: list[str]) -> Document:
    """Return the fields that were asked for; the days are always there, and impressions and spend if none is named."""
    unknown = [name for name in fields if name not in FIELDS]
    if unknown:
        raise no_such_field(unknown[0], "AdsInsights")
    wanted = {*(fields or ("account_id", "impressions", "spend")), "date_start", "date_stop"}
    return {name: value for name, value in row.items() if name in wanted}
