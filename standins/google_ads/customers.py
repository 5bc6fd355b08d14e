"""The customers of Google Ads: who may use which, searches with pages, changes, and the change log.

A customer below a manager is used with the manager's number in `login-customer-id`. Since September 2026 Google ignores
the header `developer-token`, which was required before, and a later version will refuse it: all three can be had.
"""

import base64
import hashlib
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from email.message import Message
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from standins.ads import AdsBehaviour, AdsDesk, AdsStore, Who
from standins.consent import Token
from standins.errors import ApiError
from standins.google_ads import mutates, rows
from standins.google_ads.errors import Fault, Refused, bad_json
from standins.google_ads.login import Login
from standins.google_ads.query import Query, parse_query, query_error
from standins.google_ads.seed import PEOPLE, seed_customers
from standins.store import Document

VERSION = "v26"
PAGE_SIZE = 10_000
MOST_EVENTS = 10_000
EVENT_DAYS = 30
CUSTOMER = re.compile(r"customers/(?P<number>[^/]+)/(?P<call>\w+:\w+)")
KINDS = {"campaignBudgets:mutate": "budget", "campaigns:mutate": "campaign"}
DEVELOPER_TOKEN = re.compile(r"[A-Za-z0-9_-]{22}")


@dataclass
class GoogleBehaviour(AdsBehaviour):
    """What is odd about Google."""

    keeps_refresh_tokens: bool = False
    """Gives no new refresh token with a fresh access token, as Google itself does."""
    developer_header: str = "ignored"
    """What becomes of the header `developer-token`: ignored, required or refused."""


class Customers(AdsDesk):
    """All customers, their campaigns and budgets."""

    oddities = GoogleBehaviour
    somebody = "mia.chen@agency.example"

    def __init__(self, store: AdsStore, login: Login) -> None:
        super().__init__(store, seed_customers)
        self.login = login

    def answer(self, method: str, rest: str, body: Document, headers: Message) -> Document:
        """Answer a call; `rest` is its address below the version."""
        scheme, _, given = str(headers.get("Authorization", "")).partition(" ")
        token = self.login.require(given if scheme.lower() == "bearer" else "")
        self._check_developer_token(str(headers.get("developer-token", "")))
        direct = self.store.accounts(token.person)
        if (method, rest) == ("GET", "customers:listAccessibleCustomers"):
            return {"resourceNames": [f"customers/{one['id']}" for one in direct]}
        match = CUSTOMER.fullmatch(rest)
        if match is None or method != "POST":
            raise mutates.no_such_path(rest)
        customer = self._customer(match["number"], str(headers.get("login-customer-id", "")), direct)
        if match["call"] == "googleAds:search":
            return self._search(customer, body)
        if match["call"] not in KINDS:
            raise mutates.no_such_path(rest)
        return self._mutate(customer, KINDS[match["call"]], body, token)

    def _check_developer_token(self, given: str) -> None:
        rule = self.behaviour.developer_header
        if rule == "required" and not given:
            raise Refused(
                400, Fault("requestError", "DEVELOPER_TOKEN_PARAMETER_MISSING", "developer-token is required.")
            )
        is_taken = rule == "ignored" or (rule == "required" and DEVELOPER_TOKEN.fullmatch(given)) or not given
        if not is_taken:
            raise Refused(
                401, Fault("authenticationError", "DEVELOPER_TOKEN_INVALID", "The developer token isn't valid.")
            )

    def _customer(self, number: str, manager: str, direct: list[Document]) -> Document:
        """Return a customer that the person may use, directly or through a manager."""
        if not re.fullmatch(r"[0-9]{10}", number):
            raise Refused(400, Fault("requestError", "INVALID_CUSTOMER_ID", f"Invalid customer ID '{number[:20]}'."))
        if manager and not re.fullmatch(r"[0-9]{10}", manager):
            words = "The login-customer-id header isn't valid. Use ten digits without hyphens."
            raise Refused(400, Fault("headerError", "INVALID_LOGIN_CUSTOMER_ID", words))
        reach = {one["id"] for one in direct}
        found = self.store.get_account(number)
        is_mine = found is not None and number in reach and manager in ("", number)
        is_clients = found is not None and manager in reach and manager in (found["manager"], number)
        if found is None or not (is_mine or is_clients):
            words = (
                "User doesn't have permission to access customer. Note: If you're accessing a client customer, the "
                "manager's customer id must be set in the 'login-customer-id' header."
            )
            raise Refused(403, Fault("authorizationError", "USER_PERMISSION_DENIED", words))
        return found

    def _search(self, customer: Document, body: Document) -> Document:
        unknown = sorted(set(body) - {"query", "pageToken", "pageSize", "validateOnly", "searchSettings"})
        if unknown:
            raise bad_json("", f'Invalid JSON payload received. Unknown name "{unknown[0]}": Cannot find field.')
        if "pageSize" in body:
            words = (
                "Setting the page size is not supported. Search Responses will have fixed page size of '10000' rows."
            )
            raise Refused(400, Fault("requestError", "PAGE_SIZE_NOT_SUPPORTED", words, ("page_size",)))
        text, today = str(body.get("query", "")), self.now().astimezone(ZoneInfo(customer["timezone"])).date()
        query = parse_query(text, today)
        rows.check_fields(query)
        if customer["is_manager"] and any(name.startswith("metrics.") for name in query.named()):
            words = "Metrics cannot be requested for a manager account. To retrieve metrics, issue separate requests "
            raise query_error("REQUESTED_METRICS_FOR_MANAGER", f"{words}against each client account.")
        if query.resource == "change_event":
            self._check_event_query(query, customer)
        if body.get("validateOnly"):
            return {}
        found = self._found(query, customer, today)
        size = self.behaviour.page_size or PAGE_SIZE
        start = _page_start(str(body.get("pageToken") or ""), text)
        answer: Document = {"results": [rows.show(row, query) for row in found[start : start + size]]}
        if start + size < len(found):
            answer["nextPageToken"] = _page_token(start + size, text)
        if (body.get("searchSettings") or {}).get("returnTotalResultsCount"):
            answer["totalResultsCount"] = str(len(found))
        names = (f"{rows.camel(name.partition('.')[0])}.{rows.camel(name.partition('.')[2])}" for name in query.fields)
        return {**answer, "fieldMask": ",".join(names)}

    def _found(self, query: Query, customer: Document, today: date) -> list[rows.Row]:
        """Return all rows that a query finds, in its order."""
        if query.resource == "customer_client":
            found = list(rows.client_rows(customer, self.store.accounts()))
        elif query.resource == "change_event":
            found = [rows.event_row(one, self.store, customer) for one in self.shown_effects(customer["id"])]
        else:
            found = list(rows.resource_rows(self.store, query, customer))
        named = query.named()
        if any(name.startswith(("metrics.", "segments.")) for name in named):
            found = list(rows.with_metrics(self.store, query, customer, found, today))
        limits = [one for one in query.conditions if one.field != "segments.date" or "segments.date" in query.fields]
        found = [row for row in found if all(one.field in row and one.holds(row[one.field]) for one in limits)]
        for name, is_falling in reversed(query.orders):
            found.sort(key=partial(_place, name), reverse=is_falling)
        return found[: query.limit]

    def _check_event_query(self, query: Query, customer: Document) -> None:
        """Refuse a search in the change log without an end, a limit, or within more than thirty days."""

        def refused(name: str, words: str) -> Refused:
            return Refused(400, Fault("changeEventError", name, words))

        if query.limit is None:
            raise refused("LIMIT_NOT_SPECIFIED", "The change_event search request must specify a LIMIT.")
        if query.limit > MOST_EVENTS:
            raise refused("INVALID_LIMIT_CLAUSE", "The LIMIT should be less than or equal to 10K.")
        bounds = [one for one in query.conditions if one.field == "change_event.change_date_time"]
        low = [one.values[0] for one in bounds if one.operator in (">", ">=", "BETWEEN")]
        high = [one.values[-1] for one in bounds if one.operator in ("<", "<=", "BETWEEN")]
        if not low or not high:
            raise refused("CHANGE_DATE_RANGE_INFINITE", "A finite range filter on change_date_time is needed.")
        if max(low) > min(high):
            raise refused("CHANGE_DATE_RANGE_NEGATIVE", "The range of change_date_time has no end after its start.")
        oldest = self.now().astimezone(ZoneInfo(customer["timezone"])) - timedelta(days=EVENT_DAYS)
        try:
            is_old = datetime.fromisoformat(max(low)).date() < oldest.date()
        except ValueError:
            raise query_error("INVALID_DATE_FORMAT", f"'{max(low)}' is no date.") from None
        if is_old:
            raise refused("START_DATE_TOO_OLD", "The start date cannot be older than 30 days.")

    def _mutate(self, customer: Document, kind: str, body: Document, token: Token) -> Document:
        operations = mutates.parse_request(kind, body)
        mutates.refuse_manager(customer)
        with self.store.transaction():
            changes, faults = mutates.check_operations(self.store, customer, kind, operations)
            mutates.refuse_unless_partial(body, faults)
            if not body.get("validateOnly"):
                for change in filter(None, changes):
                    for field, value in change.values.items():
                        self.put(change.found, field, value, Who(PEOPLE[token.person]))
        return mutates.show_results(kind, body, changes, faults)

    def changeable(self, found: Document) -> tuple[str, ...]:
        """Return the fields of an object that people change on the platform."""
        if found["kind"] == "campaign":
            return ("status", "name")
        return ("name", *(name for name in mutates.AMOUNTS if found[name]))

    def view(self) -> Document:
        """Return what the page shows: no manager, which has no campaigns."""
        accounts = [self._view(one) for one in self.store.accounts() if not one["is_manager"]]
        return {"title": "Sandbox Google Ads", "accounts": accounts}

    def _view(self, customer: Document) -> Document:
        campaigns, budgets = (self.store.objects(customer["id"], kind) for kind in ("campaign", "budget"))
        names = {one["id"]: one["name"] for one in (*campaigns, *budgets)}
        shown = []
        for budget in budgets:
            users = [one["name"] for one in campaigns if one["budget"] == budget["id"]]
            field = next(name for name in mutates.AMOUNTS if budget[name])
            label = "Daily budget" if field == "amount_micros" else "Budget of the whole run"
            value = {"field": field, "label": label, "value": budget[field], "scale": 6}
            note = f"{'Shared budget' if budget['explicitly_shared'] else 'Budget'} of {', '.join(users)}"
            shown.append({"id": budget["id"], "name": budget["name"], "note": note, "values": [value]})
        for one in campaigns:
            value = {"field": "status", "label": "Status", "value": one["status"], "choices": ["ENABLED", "PAUSED"]}
            shown.append(
                {"id": one["id"], "name": one["name"], "note": f"Campaign, {one['channel'].lower()}", "values": [value]}
            )
        log = [{**row, "name": names[row["object"]]} for row in self.store.latest_effects(customer["id"], 50)]
        return {
            "id": customer["id"],
            "name": customer["name"],
            "currency": customer["currency"],
            "rows": shown,
            "log": log,
        }


def _place(name: str, row: rows.Row) -> tuple[bool, Any]:
    """Return where a row stands by a field; rows without it come first."""
    return name in row, row.get(name, "")


def _page_token(start: int, query: str) -> str:
    digest = hashlib.sha256(query.encode()).hexdigest()[:12]
    return base64.urlsafe_b64encode(f"{start}:{digest}".encode()).decode()


def _page_start(token: str, query: str) -> int:
    if not token:
        return 0
    try:
        start = int(base64.urlsafe_b64decode(token).decode().partition(":")[0])
    except ValueError:
        start = 0
    if not start or _page_token(start, query) != token:
        raise Refused(400, Fault("requestError", "INVALID_PAGE_TOKEN", "Page token is invalid.", ("page_token",)))
    return start


def unsupported_version(version: str) -> ApiError:
    """Return the error of another version."""
    return Refused(400, Fault("requestError", "UNSUPPORTED_VERSION", f"Version {version} is deprecated."))
