"""Client of the Google Ads API over REST: searches in its query language, changes, the change log; failures as data."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar, Final, TypeVar
from zoneinfo import ZoneInfo

from core.clock import now
from core.errors import Unavailable
from core.http import Reply
from core.text.clean import clean_text
from integrations.ads.ports import AdsClient
from integrations.ads.types import AdAccount, Change, Figures, LogEntry
from integrations.calls.answers import Answer, CleanFailure, Ok
from integrations.calls.operations import UNAUTHORISED, Line, Operation, Request, System, is_refusal, wait_of
from integrations.google_ads.money import MICROS, read_micros, rounded
from integrations.google_ads.types import AdCampaign, Budget, Customer

T = TypeVar("T")
Body = Any
VERSION: Final = "v26"
MOST_PAGES: Final = 30
READ_SECONDS: Final = 8.0
CHANGE_SECONDS: Final = 12.0
NAME: Final = 300
USUAL_WAIT: Final = 60.0
LIMITS: Final = frozenset(
    {"RESOURCE_EXHAUSTED", "RESOURCE_TEMPORARILY_EXHAUSTED", "EXCESSIVE_SHORT_TERM_QUERY_RESOURCE_CONSUMPTION"}
)
SCOPE_GONE: Final = "ACCESS_TOKEN_SCOPE_INSUFFICIENT"
OF_THE_INSTALLATION: Final = "DEVELOPER_TOKEN"
"""How codes begin that are about the installation, although their status is that of an ended token."""
UNSURE: Final = frozenset({408, 499})
CALLS_PER_MINUTE: Final = 10
"""Of a developer token with basic access, which has 15,000 operations a day."""
MOST_EVENTS: Final = 1000
SILENT: Final = timedelta(minutes=4)
"""Google names three minutes as the longest delay of its log."""
FOLDED: Final = timedelta(hours=2)
"""So much earlier the log is read: its times are those of walls, which go back by an hour once a year."""
BY_API: Final = "GOOGLE_ADS_API"
GROUPS: Final = {"campaigns": "campaign", "campaignBudgets": "campaignBudget"}
COLUMNS: Final = {
    ("campaignBudgets", "amountMicros"): ("campaign_budget", "amount_micros"),
    ("campaigns", "status"): ("campaign", "status"),
}
_RESOURCE: Final = re.compile(r"customers/([0-9]{10})/(campaigns|campaignBudgets)/([0-9]{1,32})")
_CUSTOMER: Final = re.compile(r"[0-9]{10}")
_DELAY: Final = re.compile(r"([0-9]{1,6})(?:\.[0-9]+)?s")
ACCOUNT: Final = (
    "SELECT customer.id, customer.descriptive_name, customer.currency_code, customer.time_zone FROM customer LIMIT 1"
)
CUSTOMERS: Final = (
    "SELECT customer_client.id, customer_client.descriptive_name, customer_client.currency_code, "
    "customer_client.manager FROM customer_client WHERE customer_client.status = 'ENABLED'"
)
AD_CAMPAIGNS: Final = (
    "SELECT campaign.id, campaign.name, campaign.status, campaign_budget.name, campaign_budget.amount_micros, "
    "campaign_budget.total_amount_micros, campaign_budget.reference_count, customer.currency_code FROM campaign "
    "WHERE campaign.status != 'REMOVED' ORDER BY campaign.name"
)
FIGURES: Final = (
    "SELECT campaign.id, campaign.name, customer.currency_code, metrics.cost_micros, metrics.impressions, "
    "metrics.clicks, metrics.conversions FROM campaign WHERE segments.date BETWEEN '{first}' AND '{last}'"
)
VALUE: Final = "SELECT {resource}.{column} FROM {resource} WHERE {resource}.id = {number}"
CHANGES: Final = (
    "SELECT change_event.change_date_time, change_event.change_resource_name, change_event.client_type, "
    "change_event.user_email, change_event.old_resource, change_event.new_resource, change_event.changed_fields "
    "FROM change_event WHERE change_event.change_resource_name = '{resource}' "
    "AND change_event.change_date_time >= '{first:%Y-%m-%d %H:%M:%S}' "
    "AND change_event.change_date_time <= '{last:%Y-%m-%d %H:%M:%S}' "
    "ORDER BY change_event.change_date_time DESC LIMIT {most}"
)


def read_error(body: Body) -> tuple[str, str]:
    """Return the name of an error and its words, those of Google Ads before those of Google's front."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return "", ""
    code, words = str(error.get("status", "")), str(error.get("message", ""))
    for detail in error.get("details") or ():
        if isinstance(detail, dict) and detail.get("reason"):
            code = str(detail["reason"])
        for first in (detail.get("errors") or ())[:1] if isinstance(detail, dict) else ():
            code = next(iter((first.get("errorCode") or {code: code}).values()))
            words = first.get("message") or words
    return clean_text(str(code), 60), clean_text(str(words), NAME)


def proves_nothing(reply: Reply) -> bool:
    """Return True for a refusal in the API's own form; a proxy's page leaves it open."""
    return is_refusal(reply) and reply.status not in UNSURE and read_error(reply.json())[0] != ""


@dataclass(frozen=True)
class GoogleSystem(System):
    """The API at an address."""

    def is_ended(self, reply: Reply, code: str) -> bool:
        return code == SCOPE_GONE or (reply.status == UNAUTHORISED and not code.startswith(OF_THE_INSTALLATION))

    def limit_wait(self, reply: Reply) -> float:
        """Return the seconds that an error about a quota names."""
        try:
            details = next(detail for detail in reply.json()["error"]["details"] if "errors" in detail)
            named = details["errors"][0]["details"]["quotaErrorDetails"]["retryDelay"]
        except (KeyError, IndexError, TypeError, StopIteration):
            named = ""
        found = _DELAY.fullmatch(str(named))
        return float(found[1]) if found else wait_of(reply) or USUAL_WAIT


# Searches change nothing, although they are posted.
searching = partial(Operation, method="POST", seconds=READ_SECONDS)
LIST_DIRECT: Final = Operation("list_accessible_customers", seconds=READ_SECONDS, keeps_last=False)
LIST_CUSTOMERS: Final = searching("list_customers", keeps_last=False)
READ_ACCOUNT: Final = searching("read_ad_account", kept_seconds=300)
LIST_AD_CAMPAIGNS: Final = searching("list_ad_campaigns")
LIST_PAGE: Final = searching("list_ad_campaign_page", keeps_last=False)
LIST_FIGURES: Final = searching("list_ad_figures")
READ_VALUE: Final = searching("read_ad_value", keeps_last=False)
READ_LOG: Final = searching("read_ad_changes", keeps_last=False)
TRY_CHANGE: Final = searching("try_ad_change", keeps_last=False)
MAKE_CHANGE: Final = Operation(
    "make_ad_change", method="POST", seconds=CHANGE_SECONDS, executes=True, proves_nothing=proves_nothing
)


class GoogleAdsClient(AdsClient):
    """One customer of Google Ads."""

    vendor: ClassVar[str] = "Google"
    silent: ClassVar[timedelta] = SILENT

    def __init__(self, system: System, line: Line, customer: str = "") -> None:
        super().__init__(system, line)
        self.customer = customer

    def list_direct(self) -> Answer[list[str]]:
        """Return the numbers of the customers that the person who allowed the access may use directly."""

        def numbers(body: Body) -> list[str]:
            return [str(name).removeprefix("customers/") for name in body.get("resourceNames") or ()]

        return self._call(LIST_DIRECT, Request("/customers:listAccessibleCustomers"), numbers)

    def list_customers(self) -> Answer[list[Customer]]:
        """Return this customer, and if it is a manager all below it."""
        return self._search(LIST_CUSTOMERS, CUSTOMERS, parse_customer)

    def get_account(self) -> Answer[AdAccount]:
        return self._one(READ_ACCOUNT, ACCOUNT, parse_account)

    def list_ad_campaigns(self) -> Answer[list[AdCampaign]]:
        """Return the ad campaigns that weren't removed, with the budgets that they use."""
        return self._search(LIST_AD_CAMPAIGNS, AD_CAMPAIGNS, parse_ad_campaign)

    def list_page(self, token: str) -> Answer[tuple[list[AdCampaign], str]]:
        """Return a page of the ad campaigns that weren't removed, and the token of the next one; "" for the last."""
        return self._page(LIST_PAGE, AD_CAMPAIGNS, parse_ad_campaign, token)

    def list_figures(self, first: date, last: date, object_id: str = "") -> Answer[list[Figures]]:
        query = FIGURES.format(first=first, last=last)
        return self._search(
            LIST_FIGURES, f"{query} AND campaign.id = {int(object_id)}" if object_id else query, parse_figures
        )

    def read_value(self, change: Change) -> Answer[str]:
        collection, number = self._own(change.object)
        resource, column = COLUMNS[collection, change.field]

        def value(row: Body) -> str:
            return str(row[GROUPS[collection]].get(change.field, "0"))

        return self._one(READ_VALUE, VALUE.format(resource=resource, column=column, number=number), value)

    def list_changes(self, change: Change, since: datetime) -> Answer[list[LogEntry]]:
        """Return what the change log says of a change's value since a moment, newest first.

        Its times are those of the account's zone, and it doesn't name the app: what came by the API counts as ours.
        """
        collection, _ = self._own(change.object)
        account = self.get_account()
        if not isinstance(account, Ok):
            return account
        try:
            zone = ZoneInfo(account.value.timezone)
        except (ValueError, OSError):
            return CleanFailure("unknown_zone", "The time zone of the ad account isn't known here.")
        first, last = (moment.astimezone(zone) for moment in (since - FOLDED, now() + timedelta(days=1)))
        query = CHANGES.format(resource=change.object, first=first, last=last, most=MOST_EVENTS)
        rows = self._search(READ_LOG, query, partial(parse_event, zone, GROUPS[collection], change))
        if not isinstance(rows, Ok):
            return rows
        return Ok([one for one in rows.value if one is not None and one.at >= since])

    def try_change(self, change: Change) -> Answer[bool]:
        def is_taken(body: Body) -> bool:
            if "partialFailureError" in body:
                raise ValueError("no success")
            return True

        return self._call(TRY_CHANGE, self._mutation(change, validateOnly=True), is_taken)

    def make_change(self, change: Change, key: str) -> Answer[bool]:
        def is_made(body: Body) -> bool:
            if body["results"][0]["resourceName"] != change.object:
                raise ValueError("no success")
            return True

        return self._call(MAKE_CHANGE, self._mutation(change, key=key), is_made)

    def _mutation(self, change: Change, *, key: str = "", **more: bool) -> Request:
        collection, _ = self._own(change.object)
        update = {"resourceName": change.object, change.field: change.new}
        body = {"operations": [{"updateMask": change.field, "update": update}], **more}
        return Request(f"/customers/{self._number}/{collection}:mutate", json=body, key=key)

    @property
    def _number(self) -> str:
        if not _CUSTOMER.fullmatch(self.customer):
            raise Unavailable("Choose the ad account of this connection in the settings.", code="not_connected")
        return self.customer

    def _own(self, resource: str) -> tuple[str, str]:
        """Return the collection and the number of a resource of this customer."""
        found = _RESOURCE.fullmatch(resource)
        if found is None or found[1] != self._number:
            raise Unavailable("This belongs to another ad account than the connected one.", code="other_account")
        return found[2], found[3]

    def _one(self, operation: Operation, query: str, parse: Callable[[Body], T]) -> Answer[T]:
        answer = self._search(operation, query, parse)
        if not isinstance(answer, Ok):
            return answer
        if len(answer.value) != 1:
            return CleanFailure("not_found", "Google doesn't know it, or not any more.")
        return Ok(answer.value[0], read_at=answer.read_at)

    def _search(self, operation: Operation, query: str, parse: Callable[[Body], T]) -> Answer[list[T]]:
        """Follow the pages of a search."""
        found: list[T] = []
        page = ""
        for _ in range(MOST_PAGES):
            answer = self._page(operation, query, parse, page)
            if not isinstance(answer, Ok):
                return answer
            rows, page = answer.value
            found += rows
            if not page:
                return Ok(found)
        return CleanFailure("too_many_pages", f"The list has more than {MOST_PAGES} pages.")

    def _page(
        self, operation: Operation, query: str, parse: Callable[[Body], T], token: str
    ) -> Answer[tuple[list[T], str]]:
        asked = {"query": query, **({"pageToken": token} if token else {})}
        request = Request(f"/customers/{self._number}/googleAds:search", json=asked)
        return self._call(operation, request, partial(parse_rows, parse))


def parse_rows(parse: Callable[[Body], T], body: Body) -> tuple[list[T], str]:
    """Return the rows of a page, and the token of the next one; "" for the last."""
    return [parse(row) for row in body.get("results") or ()], str(body.get("nextPageToken") or "")


def parse_customer(row: Body) -> Customer:
    """Return a customer below a direct one from its JSON."""
    found = row["customerClient"]
    name = clean_text(str(found.get("descriptiveName") or found["id"]), NAME)
    return Customer(str(found["id"]), name, str(found["currencyCode"]), bool(found.get("manager")))


def parse_account(row: Body) -> AdAccount:
    """Return an ad account from its JSON."""
    found = row["customer"]
    name = clean_text(str(found.get("descriptiveName") or found["id"]), NAME)
    return AdAccount(str(found["id"]), name, str(found["currencyCode"]), str(found["timeZone"]))


def parse_ad_campaign(row: Body) -> AdCampaign:
    """Return an ad campaign with its budget from their JSON."""
    found, budget = row["campaign"], row["campaignBudget"]
    for name in (found["resourceName"], budget["resourceName"]):
        if not _RESOURCE.fullmatch(name):
            raise ValueError("no resource name")
    return AdCampaign(
        id=str(found["id"]),
        resource=found["resourceName"],
        name=clean_text(str(found["name"]), NAME),
        status=str(found["status"]),
        budget=Budget(
            resource=budget["resourceName"],
            name=clean_text(str(budget.get("name", "")), NAME),
            daily=read_micros(budget.get("amountMicros")),
            total=read_micros(budget.get("totalAmountMicros")),
            references=read_micros(budget.get("referenceCount")),
        ),
        currency=str(row["customer"]["currencyCode"]),
    )


def parse_figures(row: Body) -> Figures:
    """Return the figures of an ad campaign from their JSON."""
    metrics, currency = row["metrics"], str(row["customer"]["currencyCode"])
    conversions = Decimal(str(metrics.get("conversions", 0)))
    if not conversions.is_finite():
        raise ValueError("no number")
    return Figures(
        ad_campaign=str(row["campaign"]["id"]),
        name=clean_text(str(row["campaign"]["name"]), NAME),
        spend=rounded(Decimal(read_micros(metrics.get("costMicros"))).scaleb(-MICROS), currency),
        impressions=read_micros(metrics.get("impressions")),
        clicks=read_micros(metrics.get("clicks")),
        results={"conversions": conversions.quantize(Decimal("0.1"))},
    )


def parse_event(zone: ZoneInfo, group: str, change: Change, row: Body) -> LogEntry | None:
    """Return a row of the change log, None for one about other fields.

    A time that the clocks of the zone show twice can't be placed: such a row only says that something happened.
    """
    found = row["changeEvent"]
    fields = [path.rpartition(".")[2] for path in str(found.get("changedFields", "")).split(",") if path]
    if fields and change.field not in fields:
        return None
    local = datetime.fromisoformat(found["changeDateTime"]).replace(tzinfo=zone)
    is_clear = local.utcoffset() == local.replace(fold=1).utcoffset()
    old, new = ((found.get(name) or {}).get(group, {}).get(change.field, "") for name in ("oldResource", "newResource"))
    return LogEntry(
        at=local.replace(fold=1).astimezone(UTC),
        object=str(found["changeResourceName"]),
        field=change.field if fields and is_clear else "",
        old=str(old),
        new=str(new),
        who=clean_text(str(found.get("userEmail", "")), 120),
        is_ours=found.get("clientType") == BY_API,
    )
