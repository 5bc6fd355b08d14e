"""Rows of a search: what each resource has, by the names of GoogleAdsRow, and how they become JSON.

Names and types of fields are those of google-ads 34.0.0 (`v26/resources/types`, `v26/common/types/metrics.py`); JSON is
as proto3 has it: names in camelCase, numbers of 64 bits and micros as strings, enumerations by name.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from standins.ads import AdsStore
from standins.google_ads.query import Query, query_error
from standins.platform import metrics
from standins.store import Document

Row = dict[str, Any]
NO_CENTS = ("JPY", "KRW")
SELF = "resource_name"
FIELDS = {
    "campaign": "id name status advertising_channel_type campaign_budget resource_name",
    "campaign_budget": "id name amount_micros total_amount_micros status explicitly_shared reference_count period "
                       "resource_name",
    "customer": "id descriptive_name currency_code time_zone manager resource_name",
    "customer_client": "id descriptive_name currency_code time_zone manager level status client_customer resource_name",
    "metrics": "impressions clicks cost_micros conversions conversions_value ctr average_cpc",
    "segments": "date",
    "change_event": "change_date_time change_resource_type change_resource_name client_type user_email old_resource "
                    "new_resource resource_change_operation changed_fields campaign resource_name",
}  # fmt: skip
# What can be selected from a resource, beside itself.
BESIDE = {
    "campaign": ("campaign_budget", "customer", "metrics", "segments"),
    "campaign_budget": ("campaign", "customer"),
    "customer": ("metrics", "segments"),
    "customer_client": (),
    "change_event": ("customer",),
}
FLOATS = ("conversions", "conversions_value", "ctr", "average_cpc")
SNAKE = re.compile(r"_([a-z0-9])")


def camel(name: str) -> str:
    """Return a name as JSON has it."""
    return SNAKE.sub(lambda match: match[1].upper(), name)


def check_fields(query: Query) -> None:
    """Refuse an unknown resource, or fields that can't be selected from it."""
    if query.resource not in BESIDE:
        raise query_error("BAD_RESOURCE_TYPE_IN_FROM_CLAUSE", f"'{query.resource}' is no resource of the stand-in.")
    for name in sorted(query.named()):
        group, _, field = name.partition(".")
        if field not in FIELDS.get(group, "").split():
            raise query_error("UNRECOGNIZED_FIELD", f"Unrecognized field in the query: '{name}'.")
        if group != query.resource and group not in BESIDE[query.resource]:
            words = f"'{name}' can't be used with '{query.resource}' in the FROM clause."
            raise query_error("PROHIBITED_RESOURCE_TYPE_IN_SELECT_CLAUSE", words)
    if "segments.date" in query.fields and not any(one.field == "segments.date" for one in query.conditions):
        raise query_error("EXPECTED_FILTERS_ON_DATE_RANGE", "segments.date needs a condition of its own.")


def customer_row(customer: Document) -> Row:
    """Return the fields of a customer."""
    return {
        "customer.id": int(customer["id"]),
        "customer.descriptive_name": customer["name"],
        "customer.currency_code": customer["currency"],
        "customer.time_zone": customer["timezone"],
        "customer.manager": customer["is_manager"],
        "customer.resource_name": f"customers/{customer['id']}",
    }


def client_rows(manager: Document, customers: Iterable[Document]) -> Iterator[Row]:
    """Yield a manager and its clients, or a customer alone."""
    for one in customers:
        if one["id"] != manager["id"] and one["manager"] != manager["id"]:
            continue
        yield {
            "customer_client.id": int(one["id"]),
            "customer_client.descriptive_name": one["name"],
            "customer_client.currency_code": one["currency"],
            "customer_client.time_zone": one["timezone"],
            "customer_client.manager": one["is_manager"],
            "customer_client.level": int(one["id"] != manager["id"]),
            "customer_client.status": "ENABLED",
            "customer_client.client_customer": f"customers/{one['id']}",
            "customer_client.resource_name": f"customers/{manager['id']}/customerClients/{one['id']}",
        }


def campaign_row(found: Document) -> Row:
    """Return the fields of a campaign."""
    return {
        "campaign.id": int(found["id"].rpartition("/")[2]),
        "campaign.name": found["name"],
        "campaign.status": found["status"],
        "campaign.advertising_channel_type": found["channel"],
        "campaign.campaign_budget": found["budget"],
        "campaign.resource_name": found["id"],
    }


def budget_row(found: Document, campaigns: Iterable[Document]) -> Row:
    """Return the fields of a budget, with how many campaigns use it."""
    users = sum(one["budget"] == found["id"] and one["status"] != "REMOVED" for one in campaigns)
    amounts = {
        f"campaign_budget.{name}": found[name] for name in ("amount_micros", "total_amount_micros") if found[name]
    }
    return {
        "campaign_budget.id": int(found["id"].rpartition("/")[2]),
        "campaign_budget.name": found["name"],
        **amounts,
        "campaign_budget.status": found["status"],
        "campaign_budget.explicitly_shared": found["explicitly_shared"],
        "campaign_budget.reference_count": users,
        "campaign_budget.period": found["period"],
        "campaign_budget.resource_name": found["id"],
    }


def resource_rows(store: AdsStore, query: Query, customer: Document) -> Iterator[Row]:
    """Yield the rows of campaigns, budgets or the customer, without metrics."""
    mine = customer_row(customer)
    campaigns = store.objects(customer["id"], "campaign")
    budgets = {one["id"]: budget_row(one, campaigns) for one in store.objects(customer["id"], "budget")}
    if query.resource == "customer":
        yield mine
    elif query.resource == "campaign":
        for one in campaigns:
            yield {**mine, **campaign_row(one), **budgets[one["budget"]]}
    elif any(name.startswith("campaign.") for name in query.named()):
        # A campaign beside a budget makes a row of each campaign.
        for one in campaigns:
            yield {**mine, **budgets[one["budget"]], **campaign_row(one)}
    else:
        for row in budgets.values():
            yield {**mine, **row}


def with_metrics(store: AdsStore, query: Query, customer: Document, rows: list[Row], today: date) -> Iterator[Row]:
    """Yield rows with their figures: one a day if days are selected, else sums over the days that conditions allow."""
    limits = [one for one in query.conditions if one.field == "segments.date"]
    days = [day for n in range(90, -1, -1) if (day := today - timedelta(n))]
    days = [day for day in days if all(one.holds(day.isoformat()) for one in limits)]
    campaigns = {one["id"]: one for one in store.objects(customer["id"], "campaign")}
    spans = [[day] for day in days] if "segments.date" in query.fields else [days]
    for row in rows:
        mine = [campaigns[row["campaign.resource_name"]]] if "campaign.id" in row else list(campaigns.values())
        for span in spans:
            yield {**row, **_figures(mine, span, customer), **({"segments.date": span[0].isoformat()} if span else {})}


def _figures(campaigns: list[Document], days: list[date], customer: Document) -> Row:
    rows = [metrics.day_figures(one["traits"], one["id"], day) for one in campaigns for day in days]
    sums = metrics.total(rows)
    scale = 1_000_000 * (100 if customer["currency"] in NO_CENTS else 1)
    cost, clicks, seen = int(Decimal(sums["spend"]) * scale), sums["clicks"], sums["impressions"]
    return {
        "metrics.impressions": seen,
        "metrics.clicks": clicks,
        "metrics.cost_micros": cost,
        "metrics.conversions": float(sums["conversions"]),
        "metrics.conversions_value": float(sums["revenue"]),
        "metrics.ctr": clicks / seen if seen else 0.0,
        "metrics.average_cpc": cost / clicks if clicks else 0.0,
    }


def event_row(effect: Document, store: AdsStore, customer: Document) -> Row:
    """Return a change as `change_event` tells it; times are those of the customer's zone."""
    found = store.get(effect["object"]) or {}
    is_budget = effect["kind"] == "budget"
    group = "campaignBudget" if is_budget else "campaign"
    moment = datetime.fromisoformat(effect["time"])
    users = [one["id"] for one in store.objects(customer["id"], "campaign") if one["budget"] == effect["object"]]
    campaign = effect["object"] if not is_budget else ("" if found.get("explicitly_shared") else "".join(users[:1]))
    field = camel(effect["field"])
    return {
        **customer_row(customer),
        "change_event.change_date_time": f"{moment.astimezone(ZoneInfo(customer['timezone'])):%Y-%m-%d %H:%M:%S.%f}",
        "change_event.change_resource_type": "CAMPAIGN_BUDGET" if is_budget else "CAMPAIGN",
        "change_event.change_resource_name": effect["object"],
        "change_event.client_type": "GOOGLE_ADS_API" if effect["via"] == "api" else "GOOGLE_ADS_WEB_CLIENT",
        "change_event.user_email": effect["who"],
        "change_event.old_resource": {group: {field: effect["old"]}},
        "change_event.new_resource": {group: {field: effect["new"]}},
        "change_event.resource_change_operation": "UPDATE",
        "change_event.changed_fields": field,
        **({"change_event.campaign": campaign} if campaign else {}),
        "change_event.resource_name": f"customers/{customer['id']}/changeEvents/"
                                      f"{int(moment.timestamp() * 1_000_000)}~{effect['id']}~0",
    }  # fmt: skip


def show(row: Row, query: Query) -> Document:
    """Return the selected fields as JSON; resources tell their names unasked, also the one that is searched."""
    fields = query.fields
    groups = dict.fromkeys([query.resource, *(name.partition(".")[0] for name in fields)])
    names = [f"{group}.{SELF}" for group in groups if group not in ("metrics", "segments")]
    shown: dict[str, Any] = {}
    for name in dict.fromkeys([*names, *fields]):
        if name in row:
            group, _, field = name.partition(".")
            shown.setdefault(camel(group), {})[camel(field)] = _json(field, row[name])
    return shown


def _json(field: str, value: Any) -> Any:
    if isinstance(value, bool) or field in FLOATS:
        return value
    return str(value) if isinstance(value, int) else value
