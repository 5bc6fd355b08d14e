"""What can be changed on the platform: five operations, two of them keyed."""

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

MONEY = re.compile(r"(0|[1-9]\d{0,8})(\.\d{1,2})?")
MAX_BUDGET = Decimal("1000000.00")
MAX_KEY = 200
TITLE_LIMIT = 120
META_LIMIT = 320
TEXT_LIMIT = 50_000

Change = Callable[[Account, Document, Document], Document]


@dataclass(frozen=True)
class Effect:
    """One operation: what it is called, what it changes, whether it honours idempotency keys."""

    operation: str
    kind: str
    keyed: bool
    change: Change


@dataclass(frozen=True)
class Request:
    """One wish to change a resource, as it came in."""

    ident: str
    body: Document
    key: str | None


def parse_money(value: Any, field: str) -> Decimal:
    """A decimal string with at most two places; JSON numbers are floats and refused."""
    if not isinstance(value, str) or not MONEY.fullmatch(value):
        raise invalid(**{field: 'A decimal string with at most two places, e.g. "900.00".'})
    return Decimal(value).quantize(Decimal("0.01"))


def _refuse_unknown(body: Document, *known: str) -> None:
    unknown = sorted(set(body) - set(known))
    if unknown:
        raise invalid(**dict.fromkeys(unknown, "Unknown field."))


def _mismatch(**current: Any) -> ApiError:
    return ApiError(409, "expected_old_mismatch", "The value has changed.", current=current)


def change_budget(account: Account, campaign: Document, body: Document) -> Document:
    """A new daily budget, if the old one is the expected one."""
    _refuse_unknown(body, "daily_budget", "currency", "expected_old")
    amount = parse_money(body.get("daily_budget"), "daily_budget")
    if not 0 < amount <= MAX_BUDGET:
        raise invalid(daily_budget=f"More than 0, at most {MAX_BUDGET}.")
    if body.get("currency", account.currency) != account.currency:
        raise invalid(currency=f"This account is kept in {account.currency}.")
    expected = body.get("expected_old")
    current = campaign["daily_budget"]
    if expected is not None and parse_money(expected, "expected_old") != Decimal(current):
        raise _mismatch(daily_budget=current)
    return {"daily_budget": str(amount)}


def change_to_paused(_account: Account, _campaign: Document, body: Document) -> Document:
    """Paused, whatever it was: this endpoint has no memory, a repeat is a second effect."""
    _refuse_unknown(body)
    return {"status": "paused"}


def change_meta(_account: Account, page: Document, body: Document) -> Document:
    """A new title, meta description or both, if the old ones are the expected ones."""
    _refuse_unknown(body, "title", "meta_description", "expected_old")
    limits = {"title": TITLE_LIMIT, "meta_description": META_LIMIT}
    changes = {name: body[name] for name in limits if body.get(name) is not None}
    if not changes:
        raise invalid(title="Give a title or a meta description.")
    for name, value in changes.items():
        if not isinstance(value, str) or not 0 < len(value.strip()) <= limits[name]:
            raise invalid(**{name: f"Text of 1 to {limits[name]} characters."})
    _check_expected(page, body.get("expected_old") or {}, tuple(limits))
    return changes


def _check_expected(page: Document, expected: Any, names: tuple[str, ...]) -> None:
    if not isinstance(expected, dict) or set(expected) - set(names):
        raise invalid(expected_old=f"An object with {' or '.join(names)}.")
    if any(page[name] != value for name, value in expected.items()):
        raise _mismatch(**{name: page[name] for name in names})


def change_to_published(_account: Account, _item: Document, body: Document) -> Document:
    """Published now, whatever it was: no memory here either."""
    _refuse_unknown(body)
    return {
        "status": "published",
        "published_at": now().isoformat(timespec="seconds"),
    }


def change_text(_account: Account, _item: Document, body: Document) -> Document:
    """What somebody wrote over the text of an item, published or not."""
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
    key = _checked_key(request.key) if effect.keyed else None
    text = json.dumps([effect.operation, request.ident, request.body], sort_keys=True)
    fingerprint = hashlib.sha256(text.encode()).hexdigest()
    with store.transaction():
        first = store.get_keyed(account.id, key) if key else None
        if first:
            if first.fingerprint != fingerprint:
                raise ApiError(409, "key_reused", "This key was used for another request.")
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


def _checked_key(key: str | None) -> str:
    if not key or len(key) > MAX_KEY:
        raise invalid(**{"Idempotency-Key": f"This header is needed, at most {MAX_KEY} characters."})
    return key
