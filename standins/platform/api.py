"""The platform's endpoints as functions from a call to a JSON answer; no HTTP in here."""

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
    """The answer to a call under /v1; raises ApiError."""
    if call.method == "GET":
        return _read(store, account, call)
    if call.method == "POST":
        return _change(store, account, call)
    raise ApiError(405, "method_not_allowed", "Only GET and POST.")


def _read(store: Store, account: Account, call: Call) -> Document:
    match call.path:
        case ("account",):
            return vars(account)
        case ("rankings",):
            return {"items": _rankings(store, account)}
        case ("metrics",):
            return {"items": _account_series(store, account, call.query)}
        case ("journal",):
            return {"items": _journal(store, account, call.query)}
        case ("operations", key):
            return _operation(store, account, key)
        case ("campaigns", ident, "metrics"):
            return {"items": _campaign_series(store, account, ident, call.query)}
        case (collection,) if collection in KINDS:
            return {"items": _listed(store, account, KINDS[collection], call.query)}
        case (collection, ident) if collection in KINDS:
            return view(_one(store, account, KINDS[collection], ident))
    raise not_found()


def _change(store: Store, account: Account, call: Call) -> Document:
    match call.path:
        case (collection, ident, verb) if (collection, verb) in EFFECTS:
            effect = EFFECTS[collection, verb]
            done = perform(store, account, effect, Request(ident, call.body, call.key))
            return done | {"resource": view(done["resource"])}
    raise not_found()


def view(resource: Document) -> Document:
    """A resource as callers see it: a campaign gets its last seven days, its traits stay inside."""
    if "traits" not in resource:
        return resource
    shown = {name: value for name, value in resource.items() if name != "traits"}
    return shown | {"last_7_days": metrics.last_week(resource["traits"], resource["id"])}


def _in_a_list(resource: Document) -> Document:
    """A resource without its text, which is long and read with that one."""
    return {name: value for name, value in view(resource).items() if name != "text"}


def _one(store: Store, account: Account, kind: str, ident: str) -> Document:
    found = store.get_resource(account.id, kind, ident)
    if found is None:
        raise not_found()
    return found


def _listed(store: Store, account: Account, kind: str, query: dict[str, str]) -> list[Document]:
    """All of a kind; `?name=` (also title, slug, status) keeps exact matches in any case."""
    rows = [_in_a_list(row) for row in store.list_resources(account.id, kind)]
    for field, wanted in query.items():
        if field not in ("name", "title", "slug", "status"):
            raise invalid(**{field: "Filter by name, title, slug or status."})
        rows = [row for row in rows if str(row.get(field, "")).casefold() == wanted.casefold()]
    return rows


def _rankings(store: Store, account: Account) -> list[Document]:
    pages = store.list_resources(account.id, "page")
    return [{"page": page["id"], "slug": page["slug"], **ranking} for page in pages for ranking in page["rankings"]]


def _operation(store: Store, account: Account, key: str) -> Document:
    """Whether a key took effect. "No" is about now: a request still under way may yet land."""
    keyed = store.get_keyed(account.id, key)
    if keyed is None:
        return {"key": key, "took_effect": False}
    shown = keyed.answer | {"resource": view(keyed.answer["resource"])}
    return {"key": key, "took_effect": True, "journal_id": keyed.journal_id, "answer": shown}


def _journal(store: Store, account: Account, query: dict[str, str]) -> list[Document]:
    after = _whole(query, "after", 0)
    return store.list_journal(account.id, after, min(_whole(query, "limit", 100), MAX_PAGE))


def _whole(query: dict[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise invalid(**{name: "A whole number, 0 or more."})
    return int(text)


def _period(query: dict[str, str]) -> tuple[date, date]:
    """`?from=&to=` as dates; without them the thirty whole days before today."""
    yesterday = metrics.today() - timedelta(1)
    last = _day(query, "to", yesterday)
    first = _day(query, "from", last - timedelta(29))
    if not 0 <= (last - first).days < MAX_DAYS:
        raise invalid(**{"from": f"Not after `to`, and at most {MAX_DAYS} days before it."})
    return first, last


def _day(query: dict[str, str], name: str, default: date) -> date:
    try:
        return date.fromisoformat(query[name]) if name in query else default
    except ValueError:
        raise invalid(**{name: "A date such as 2026-11-21."}) from None


def _campaign_series(store: Store, account: Account, ident: str, query: dict[str, str]) -> list[dict[str, Any]]:
    campaign = _one(store, account, "campaign", ident)
    return metrics.series(campaign["traits"], ident, *_period(query))


def _account_series(store: Store, account: Account, query: dict[str, str]) -> list[dict[str, Any]]:
    first, last = _period(query)
    campaigns = store.list_resources(account.id, "campaign")
    days = []
    for number in range((last - first).days + 1):
        day = first + timedelta(number)
        rows = [metrics.day_figures(c["traits"], c["id"], day) for c in campaigns]
        days.append({"date": day.isoformat(), **metrics.total(rows)})
    return days


def overview(store: Store) -> Document:
    """Every account's campaigns and newest effects, for the human page."""
    accounts = [
        {
            **vars(account),
            "campaigns": [view(c) for c in store.list_resources(account.id, "campaign")],
            "journal": store.list_latest_journal(account.id, 25),
        }
        for account in store.list_accounts()
    ]
    return {"accounts": accounts}
