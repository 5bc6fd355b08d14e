"""The platform's endpoints as functions from a call to a JSON answer, without HTTP."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from standins.errors import ApiError, invalid, not_found
from standins.platform import metrics
from standins.platform.effects import EFFECTS, Request, perform
from standins.platform.store import Account, Store
from standins.store import Document

KINDS = {"campaigns": "campaign", "pages": "page", "content": "content", "audiences": "audience"}
MAX_DAYS = 366
MAX_PAGE = 500


@dataclass(frozen=True)
class Call:
    """One authenticated request."""

    method: str
    path: tuple[str, ...]
    query: dict[str, str]
    body: Document
    key: str | None


def answer(store: Store, account: Account, call: Call) -> Document:
    """Return the answer to a call under /v1; raises ApiError."""
    if call.method == "GET":
        return _read(store, account, call)
    if call.method != "POST":
        raise ApiError(405, "method_not_allowed", "Only GET and POST.")
    match call.path:
        case (collection, ident, verb) if (collection, verb) in EFFECTS:
            effect = EFFECTS[collection, verb]
            result = perform(store, account, effect, Request(ident, call.body, call.key))
            return result | {"resource": view(result["resource"])}
    raise not_found()


def _read(store: Store, account: Account, call: Call) -> Document:
    match call.path:
        case ("account",):
            return vars(account)
        case ("rankings",):
            pages = store.list_resources(account.id, "page")
            rows = [{"page": page["id"], "slug": page["slug"], **row} for page in pages for row in page["rankings"]]
            return {"items": rows}
        case ("metrics",):
            return {"items": _account_series(store, account, call.query)}
        case ("journal",):
            after, limit = _parse_number(call.query, "after", 0), _parse_number(call.query, "limit", 100)
            return {"items": store.list_journal(account.id, after, min(limit, MAX_PAGE))}
        case ("operations", key):
            return _read_operation(store, account, key)
        case ("campaigns", ident, "metrics"):
            campaign = _get(store, account, "campaign", ident)
            return {"items": metrics.series(campaign["traits"], ident, *_parse_period(call.query))}
        case (collection,) if collection in KINDS:
            return {"items": _list(store, account, KINDS[collection], call.query)}
        case (collection, ident) if collection in KINDS:
            return view(_get(store, account, KINDS[collection], ident))
    raise not_found()


def view(resource: Document) -> Document:
    """Return a resource for callers: a campaign with its last seven days, without its traits."""
    if "traits" not in resource:
        return resource
    public = {name: value for name, value in resource.items() if name != "traits"}
    return public | {"last_7_days": metrics.last_week(resource["traits"], resource["id"])}


def _get(store: Store, account: Account, kind: str, ident: str) -> Document:
    resource = store.get_resource(account.id, kind, ident)
    if resource is None:
        raise not_found()
    return resource


def _list(store: Store, account: Account, kind: str, query: dict[str, str]) -> list[Document]:
    """Return all of a kind without their texts; `?name=`, title, slug and status filter, ignoring case."""
    resources = [view(row) for row in store.list_resources(account.id, kind)]
    rows = [{name: value for name, value in row.items() if name != "text"} for row in resources]
    for field, wanted in query.items():
        if field not in ("name", "title", "slug", "status"):
            raise invalid(**{field: "Filter by name, title, slug or status."})
        rows = [row for row in rows if str(row.get(field, "")).casefold() == wanted.casefold()]
    return rows


def _read_operation(store: Store, account: Account, key: str) -> Document:
    """Return whether a key has taken effect so far; a delayed request may still arrive."""
    keyed = store.get_keyed(account.id, key)
    if keyed is None:
        return {"key": key, "took_effect": False}
    answer = keyed.answer | {"resource": view(keyed.answer["resource"])}
    return {"key": key, "took_effect": True, "journal_id": keyed.journal_id, "answer": answer}


def _parse_number(query: dict[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise invalid(**{name: "A whole number, 0 or more."})
    return int(text)


def _parse_period(query: dict[str, str]) -> tuple[date, date]:
    """Return `?from=&to=` as dates; the default is the thirty days before today."""
    yesterday = metrics.today() - timedelta(1)
    last = _parse_day(query, "to", yesterday)
    first = _parse_day(query, "from", last - timedelta(29))
    if not 0 <= (last - first).days < MAX_DAYS:
        raise invalid(**{"from": f"Not after `to`, and at most {MAX_DAYS} days before it."})
    return first, last


def _parse_day(query: dict[str, str], name: str, default: date) -> date:
    try:
        return date.fromisoformat(query[name]) if name in query else default
    except ValueError:
        raise invalid(**{name: "A date such as 2026-11-21."}) from None


def _account_series(store: Store, account: Account, query: dict[str, str]) -> list[dict[str, Any]]:
    first, last = _parse_period(query)
    campaigns = store.list_resources(account.id, "campaign")
    if query.get("by") == "campaign":
        return [
            {"id": c["id"], "name": c["name"], "status": c["status"], "currency": c["currency"]}
            | metrics.total(metrics.series(c["traits"], c["id"], first, last))
            for c in campaigns
        ]
    days = []
    for number in range((last - first).days + 1):
        day = first + timedelta(number)
        rows = [metrics.day_figures(c["traits"], c["id"], day) for c in campaigns]
        days.append({"date": day.isoformat(), **metrics.total(rows)})
    return days


def overview(store: Store) -> Document:
    """Return every account's campaigns and newest effects, for the human page."""
    accounts = [
        {
            **vars(account),
            "campaigns": [view(c) for c in store.list_resources(account.id, "campaign")],
            "journal": store.list_latest_journal(account.id, 25),
        }
        for account in store.list_accounts()
    ]
    return {"accounts": accounts}
