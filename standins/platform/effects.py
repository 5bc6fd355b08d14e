"""The platform's five operations, two of them with idempotency keys."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from standins.clock import now
from standins.errors import ApiError, invalid, not_found
from standins.platform.store import Account, Keyed, Store
from standins.store import Document

MONEY = re.compile(r"(0|[1-9][0-9]{0,8})(\.[0-9]{1,2})?")
MAX_BUDGET = Decimal("1000000.00")
MAX_KEY = 200
TITLE_LIMIT = 120
META_LIMIT = 320
TEXT_LIMIT = 50_000

Change = Callable[[Account, Document, Document], Document]


@dataclass(frozen=True)
class Effect:
    """One operation: its name, the kind of resource, whether it honours idempotency keys, and its change."""

    operation: str
    kind: str
    keyed: bool
    change: Change


@dataclass(frozen=True)
class Request:
    """One incoming request to change a resource."""

    ident: str
    body: Document
    key: str | None


def parse_money(value: Any, field: str) -> Decimal:
    """Return the amount of a decimal string with at most two places; JSON numbers are refused."""
    if not isinstance(value, str) or not MONEY.fullmatch(value):
        raise invalid(**{field: 'A decimal string with at most two places, e.g. "900.00".'})
    return Decimal(value).quantize(Decimal("0.01"))


def _refuse_unknown(body: Document, *allowed: str) -> None:
    unknown = sorted(set(body) - set(allowed))
    if unknown:
        raise invalid(**dict.fromkeys(unknown, "Unknown field."))


def _mismatch(**current: Any) -> ApiError:
    return ApiError(409, "expected_old_mismatch", "The value has changed.", current=current)


def change_budget(account: Account, campaign: Document, body: Document) -> Document:
    """Return the new daily budget, if the old one is as expected."""
    _refuse_unknown(body, "daily_budget", "currency", "expected_old")
    amount = parse_money(body.get("daily_budget"), "daily_budget")
    if not 0 < amount <= MAX_BUDGET:
        raise invalid(daily_budget=f"More than 0, at most {MAX_BUDGET}.")
    if body.get("currency", account.currency) != account.currency:
        raise invalid(currency=f"This account's currency is {account.currency}.")
    expected = body.get("expected_old")
    current = campaign["daily_budget"]
    if expected is not None and parse_money(expected, "expected_old") != Decimal(current):
        raise _mismatch(daily_budget=current)
    return {"daily_budget": str(amount)}


def change_to_paused(_account: Account, _campaign: Document, body: Document) -> Document:
    """Return the paused status; repeating has a second effect."""
    _refuse_unknown(body)
    return {"status": "paused"}


def change_meta(_account: Account, page: Document, body: Document) -> Document:
    """Return the new title, meta description or both, if the old ones are as expected."""
    _refuse_unknown(body, "title", "meta_description", "expected_old")
    limits = {"title": TITLE_LIMIT, "meta_description": META_LIMIT}
    changes = {name: body[name] for name in limits if body.get(name) is not None}
    if not changes:
        raise invalid(title="Give a title or a meta description.")
    for name, value in changes.items():
        if not isinstance(value, str) or not 0 < len(value.strip()) <= limits[name]:
            raise invalid(**{name: f"Text of 1 to {limits[name]} characters."})
    expected = body.get("expected_old") or {}
    if not isinstance(expected, dict) or set(expected) - set(limits):
        raise invalid(expected_old=f"An object with {' or '.join(limits)}.")
    if any(page[name] != value for name, value in expected.items()):
        raise _mismatch(**{name: page[name] for name in limits})
    return changes


def change_to_published(_account: Account, _item: Document, body: Document) -> Document:
    """Return the published status; repeating has a second effect."""
    _refuse_unknown(body)
    return {
        "status": "published",
        "published_at": now().isoformat(timespec="seconds"),
    }


def change_text(_account: Account, _item: Document, body: Document) -> Document:
    """Return the new text of an item, published or not."""
    _refuse_unknown(body, "text")
    text = body.get("text")
    if not isinstance(text, str) or len(text) > TEXT_LIMIT:
        raise invalid(text=f"Text of at most {TEXT_LIMIT} characters.")
    return {"text": text}


EFFECTS: dict[tuple[str, str], Effect] = {
    ("campaigns", "budget"): Effect("set_campaign_budget", "campaign", True, change_budget),
    ("campaigns", "pause"): Effect("pause_campaign", "campaign", False, change_to_paused),
    ("pages", "meta"): Effect("update_page_meta", "page", True, change_meta),
    ("content", "publish"): Effect("publish_content", "content", False, change_to_published),
    ("content", "text"): Effect("write_content", "content", False, change_text),
}


def perform(store: Store, account: Account, effect: Effect, request: Request) -> Document:
    """Make the change and return the answer; effect, journal row and key commit together."""
    key = request.key if effect.keyed else None
    if effect.keyed and (not key or len(key) > MAX_KEY):
        raise invalid(**{"Idempotency-Key": f"This header is required, at most {MAX_KEY} characters."})
    text = json.dumps([effect.operation, request.ident, request.body], sort_keys=True)
    fingerprint = hashlib.sha256(text.encode()).hexdigest()
    with store.transaction():
        first = store.get_keyed(account.id, key) if key else None
        if first and first.fingerprint != fingerprint:
            raise ApiError(409, "key_reused", "This key was used for another request.")
        if first:
            return first.answer | {"replayed": True}
        journal_id, resource = _apply(store, account, effect, request)
        answer = {"operation": effect.operation, "journal_id": journal_id, "resource": resource}
        if key:
            store.save_keyed(account.id, key, Keyed(fingerprint, journal_id, answer))
    return answer


def _apply(store: Store, account: Account, effect: Effect, request: Request) -> tuple[int, Document]:
    resource = store.get_resource(account.id, effect.kind, request.ident)
    if resource is None:
        raise not_found()
    after = effect.change(account, resource, request.body)
    entry = {
        "operation": effect.operation,
        "resource": f"{effect.kind}/{request.ident}",
        "before": {name: resource.get(name) for name in after},
        "after": after,
        "key": request.key,
    }
    resource.update(after)
    store.save_resource(account.id, effect.kind, resource)
    return store.append_journal(account.id, entry), resource
