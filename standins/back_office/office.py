"""What a back office does: read, prepare, cancel and book, each change once for its key."""

import hashlib
import json
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from standins.back_office.seed import Company, demo_transactions
from standins.back_office.store import Store
from standins.back_office.webhooks import Poster
from standins.clock import now
from standins.errors import ApiError, invalid, not_found, refuse_unknown
from standins.store import Document

ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
ADDRESS = re.compile(r"https?://[!-~]{1,490}")
AMOUNT = re.compile(r"(0|[1-9][0-9]{0,11})(\.[0-9]{1,3})?")
PLACES = {"JPY": 0, "KRW": 0}
KINDS = ("refund", "credit", "payout")
STATUSES = ("pending", "booked", "failed", "reversed")
DRAFT_LIFE = 1800
SHORTEST_LIFE = 60
LONGEST_TEXT = 200
NEW_DRAFT = ("customer", "kind", "amount", "currency", "description", "transaction_id", "reference", "expires_in")
MOST = 2**62


@dataclass
class Behaviour:
    """What is odd about the back office, beside the failure script."""

    seconds_later: float = 0.0
    """How far its clock is ahead."""
    webhook_copies: int = 1
    books_as: str = "booked"
    """The status of a transaction right after it was committed."""


@dataclass(frozen=True)
class Keyed:
    """A signed request: its key, and what it asks, so that another one with the same key is told apart."""

    key: str
    method: str
    path: str
    raw: bytes

    @property
    def fingerprint(self) -> str:
        """Return a digest of what is asked."""
        return hashlib.sha256(b"\n".join([self.method.encode(), self.path.encode(), self.raw])).hexdigest()


class Office:
    """The back offices of all companies."""

    def __init__(self, store: Store, companies: Sequence[Company], poster: Poster) -> None:
        self.store, self.companies, self.poster = store, companies, poster
        self.behaviour = Behaviour()
        if store.is_empty():
            self._seed()

    def _seed(self) -> None:
        for company in self.companies:
            for row in demo_transactions(company):
                self.store.add_booking(company.slug, row)

    def reset(self) -> None:
        """Go back to the seed."""
        self.behaviour, self.poster.copies = Behaviour(), 1
        with self.store.transaction():
            self.store.clear()
            self._seed()

    def behave(self, wanted: Document) -> Document:
        """Change the behaviour; unknown names are refused."""
        refuse_unknown(wanted, Behaviour)
        self.behaviour = Behaviour(**wanted)
        self.poster.copies = self.behaviour.webhook_copies
        return vars(self.behaviour).copy()

    def now(self) -> datetime:
        """Return the back office's time."""
        return now() + timedelta(seconds=self.behaviour.seconds_later)

    def read_booking(self, company: Company, ident: str) -> Document:
        """Return a transaction of the company."""
        found = self.store.get_booking(company.slug, ident)
        if found is None:
            raise missing("transaction")
        return found

    def list_bookings(self, company: Company, query: dict[str, str]) -> Document:
        """Return a page of a customer's transactions, newest first."""
        customer, given, after = query.get("customer", ""), query.get("limit", "20"), query.get("after", "")
        if not ID.fullmatch(customer):
            raise invalid(customer="Name a customer.")
        if not given.isdigit() or not 1 <= int(given) <= 100:
            raise invalid(limit="From 1 to 100.")
        if after and not (after.isdigit() and len(after) < 19):
            raise invalid(after="Not one of ours.")
        limit = int(given)
        rows = self.store.bookings(company.slug, customer, int(after or MOST), limit + 1)
        following = str(rows[limit - 1][0]) if len(rows) > limit else None
        return {"items": [body for _, body in rows[:limit]], "next": following}

    def read_draft(self, company: Company, ident: str) -> Document:
        """Return a draft of the company as it is now."""
        found = self.store.get_draft(company.slug, ident)
        if found is None:
            raise missing("draft")
        if found["status"] == "open" and datetime.fromisoformat(found["expires_at"]) <= self.now():
            return {**found, "status": "expired"}
        return found

    def once(
        self, company: Company, request: Keyed, work: Callable[[], tuple[int, Document]]
    ) -> tuple[int, Document, bool]:
        """Do something once for its key; returns status, answer, and whether it is the first answer again.

        What is done, its row in the journal and the answer to the key are kept in one transaction. A refusal leaves
        the key unused.
        """
        if not 16 <= len(request.key) <= 100:
            raise invalid(**{"Idempotency-Key": "Send this header, 16 to 100 characters."})
        with self.store.transaction():
            first = self.store.get_keyed(company.slug, request.key)
            if first is not None:
                if first[0] != request.fingerprint:
                    raise ApiError(409, "key_reused", "This key was used for another request.")
                return first[1], first[2], True
            status, answer = work()
            self.store.save_keyed(company.slug, request.key, request.fingerprint, status, answer)
        return status, answer, False

    def create_draft(self, company: Company, body: Document, raw: bytes) -> tuple[int, Document]:
        """Prepare a transaction; the digest is that of the bytes that asked for it."""
        check_draft(body)
        if body["currency"] != company.currency:
            raise invalid(currency=f"This back office books {company.currency}.")
        customer = company.customers.get(body["customer"])
        if customer is None:
            raise missing("customer")
        if body.get("transaction_id") and not self._may_refund(company, body):
            raise missing("transaction")
        made = self.now()
        facts = {name: body[name] for name in ("customer", "kind", "amount", "currency", "description")}
        draft: Document = {
            "id": f"d-{secrets.token_hex(8)}",
            **facts,
            "recipient": {"name": customer[0], "destination": customer[1]},
            "status": "open",
            "digest": hashlib.sha256(raw).hexdigest(),
            "created_at": made.isoformat(timespec="seconds"),
            "expires_at": (made + timedelta(seconds=body.get("expires_in", DRAFT_LIFE))).isoformat(timespec="seconds"),
            "transaction_id": None,
            **({"reference": body["reference"]} if "reference" in body else {}),
        }
        self.store.save_draft(company.slug, draft)
        self.store.note(company.slug, "create_draft", draft["id"], amount=draft["amount"], currency=draft["currency"])
        return 201, draft

    def _may_refund(self, company: Company, body: Document) -> bool:
        found = self.store.get_booking(company.slug, body["transaction_id"])
        return found is not None and found["customer"] == body["customer"]

    def cancel_draft(self, company: Company, ident: str) -> tuple[int, Document]:
        """Cancel a draft; one that has ended stays as it is."""
        draft = self.read_draft(company, ident)
        if draft["status"] == "committed":
            raise already_committed(draft)
        if draft["status"] == "open":
            draft = {**draft, "status": "cancelled"}
            self.store.save_draft(company.slug, draft)
            self.store.note(company.slug, "cancel_draft", ident)
        return 200, draft

    def commit(self, company: Company, ident: str, body: Document) -> tuple[int, Document]:
        """Book a draft, if it is the one with this digest."""
        unknown = sorted(set(body) - {"digest", "approval"})
        if unknown:
            raise invalid(**dict.fromkeys(unknown, "Unknown field."))
        if not re.fullmatch(r"[0-9a-f]{64}", str(body.get("digest", ""))):
            raise invalid(digest="SHA-256 in hex.")
        if not isinstance(body.get("approval", ""), str) or len(body.get("approval", "")) > 40:
            raise invalid(approval="Text of at most 40 characters.")
        draft = self.read_draft(company, ident)
        if draft["status"] == "committed":
            raise already_committed(draft)
        if draft["status"] != "open":
            raise ApiError(410, f"draft_{draft['status']}", "The draft can't be committed any more.")
        if draft["digest"] != body["digest"]:
            raise ApiError(409, "draft_changed", "The draft was changed.")
        moment = self.now().isoformat(timespec="seconds")
        names = ("customer", "kind", "amount", "currency", "description", "recipient", "reference")
        booking: Document = {
            "id": f"t-{secrets.token_hex(8)}",
            **{name: draft[name] for name in names if name in draft},
            "status": self.behaviour.books_as,
            **({"approval": body["approval"]} if "approval" in body else {}),
            "draft_id": ident,
            "created_at": moment,
            "updated_at": moment,
        }
        self.store.add_booking(company.slug, booking)
        self.store.save_draft(company.slug, {**draft, "status": "committed", "transaction_id": booking["id"]})
        detail = {"draft": ident, "amount": draft["amount"], "currency": draft["currency"]}
        self.store.note(company.slug, "commit", booking["id"], **detail)
        return 200, booking

    def set_webhook(self, company: Company, body: Document) -> tuple[int, Document]:
        """Keep where changes are posted to."""
        wrong = dict.fromkeys(sorted(set(body) - {"url"}), "Unknown field.")
        if not _is_text(body.get("url"), ADDRESS):
            wrong["url"] = "An address."
        if wrong:
            raise invalid(**wrong)
        self.store.set_hook(company.slug, body["url"])
        return 200, {"url": body["url"]}

    def company(self, slug: Any) -> Company:
        """Return the company of a control request."""
        found = next((one for one in self.companies if one.slug == slug), None)
        if found is None:
            raise not_found()
        return found

    def change(self, wanted: Document) -> Document:
        """Change something as a clerk: `{company, draft, amount}` or `{company, transaction, status}`."""
        company = self.company(wanted.get("company"))
        if "draft" in wanted:
            with self.store.transaction():
                draft = self.read_draft(company, str(wanted["draft"]))
                draft = {**draft, "amount": str(wanted.get("amount")), "digest": secrets.token_hex(32)}
                self.store.save_draft(company.slug, draft)
                self.store.note(company.slug, "change_draft", draft["id"], amount=draft["amount"])
            return draft
        booking = self.read_booking(company, str(wanted.get("transaction")))
        if wanted.get("status") not in STATUSES:
            raise invalid(status=f"One of {', '.join(STATUSES)}.")
        moment = self.now().isoformat(timespec="seconds")
        booking = {**booking, "status": wanted["status"], "updated_at": moment}
        with self.store.transaction():
            self.store.save_booking(company.slug, booking)
            self.store.note(company.slug, "change_transaction", booking["id"], status=booking["status"])
        self.poster.post_later(company, booking)
        return booking

    def view(self) -> Document:
        """Return what the page shows."""
        return {
            "companies": [
                {
                    "slug": company.slug,
                    "name": company.name,
                    "hook": self.store.get_hook(company.slug),
                    "drafts": [self.read_draft(company, draft["id"]) for draft in self.store.drafts(company.slug)],
                    "transactions": [
                        body
                        for customer in company.customers
                        for _, body in self.store.bookings(company.slug, customer, MOST, 20)
                    ],
                    "journal": self.store.latest_effects(company.slug, 50),
                    "deliveries": self.store.deliveries(company.slug)[-20:],
                }
                for company in self.companies
            ]
        }


def missing(what: str) -> ApiError:
    """Return the error of something that isn't there, or is another organisation's."""
    return ApiError(404, "not_found", f"There is no such {what}.")


def already_committed(draft: Document) -> ApiError:
    """Return the error of a draft that was committed with another key."""
    words = "The draft was committed already."
    return ApiError(409, "draft_committed", words, transaction_id=draft["transaction_id"])


def check_draft(body: Document) -> None:
    """Refuse a draft with wrong fields; the error names each of them."""
    wrong = dict.fromkeys(sorted(set(body) - set(NEW_DRAFT)), "Unknown field.")
    for name in ("customer", "transaction_id"):
        if (name == "customer" or name in body) and not _is_text(body.get(name), ID):
            wrong[name] = "An id."
    if body.get("kind") not in KINDS:
        wrong["kind"] = f"One of {', '.join(KINDS)}."
    if not _is_text(body.get("currency"), re.compile(r"[A-Z]{3}")):
        wrong["currency"] = "A code such as EUR."
    elif not _is_amount(body.get("amount"), PLACES.get(str(body["currency"]), 2)):
        wrong["amount"] = "More than 0, as text, with the currency's places."
    description, reference = body.get("description"), body.get("reference", "")
    if not isinstance(description, str) or not 1 <= len(description.strip()) <= LONGEST_TEXT:
        wrong["description"] = f"1 to {LONGEST_TEXT} characters."
    if not isinstance(reference, str) or len(reference) > 64:
        wrong["reference"] = "At most 64 characters."
    life = body.get("expires_in", DRAFT_LIFE)
    if isinstance(life, bool) or not isinstance(life, int) or not SHORTEST_LIFE <= life <= DRAFT_LIFE:
        wrong["expires_in"] = f"From {SHORTEST_LIFE} to {DRAFT_LIFE} seconds."
    if wrong:
        raise invalid(**wrong)


def _is_text(value: Any, pattern: re.Pattern[str]) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _is_amount(value: Any, places: int) -> bool:
    """Tell whether a value is an amount above 0 with at most so many places."""
    if not _is_text(value, AMOUNT):
        return False
    amount = Decimal(value)
    return amount > 0 and -int(amount.as_tuple().exponent) <= places


def show_error(error: ApiError) -> Document:
    """Return an error as the contract has it."""
    body = json.loads(json.dumps(error.body))
    body["message"] = body.pop("detail", "")
    return dict(body)
