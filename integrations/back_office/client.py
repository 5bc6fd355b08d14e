"""Client of a back office: readings with a token, changes signed and under a key."""

import hashlib
import re
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Final, TypeVar

from core.clock import now
from core.http import Reply
from integrations.calls.answers import Answer, CleanFailure, Ok
from integrations.calls.operations import Operation, Request, is_refusal
from integrations.transactions.ports import TransactionClient
from integrations.transactions.types import DraftState, NewDraft, PreparedDraft, Transaction, bytes_of

T = TypeVar("T")
MISSING: Final = "not_found"
IN_PROGRESS: Final = "in_progress"
LONGEST: Final = timedelta(minutes=30)
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CODE: Final = re.compile(r"[a-z_]{1,60}")
_AMOUNT: Final = re.compile(r"(0|[1-9][0-9]{0,11})(\.[0-9]{1,3})?")


def read_error(body: Any) -> tuple[str, str]:
    """Return the code of an error, and words of ours: those of the back office may name a person."""
    code = body.get("code") if isinstance(body, dict) else None
    return (code if isinstance(code, str) and _CODE.fullmatch(code) else ""), "The back office refused it."


def _proves_nothing(reply: Reply) -> bool:
    """A refusal did nothing, unless the same request is being worked on just now."""
    return is_refusal(reply) and read_error(reply.json())[0] != IN_PROGRESS


_change = partial(Operation, executes=True, repeats="with_key", proves_nothing=_proves_nothing)
GET_STATUS: Final = Operation("get_transaction_status", seconds=5.0, kept_seconds=120)
LIST_HISTORY: Final = Operation("get_transaction_history", seconds=5.0, kept_seconds=120)
READ_DRAFT: Final = Operation("get_draft", seconds=5.0, keeps_last=False)
CREATE_DRAFT: Final = _change("create_draft_transaction", method="POST", seconds=5.0)
CANCEL_DRAFT: Final = _change("cancel_draft", method="DELETE", seconds=5.0)
COMMIT: Final = _change("commit_transaction", method="POST", seconds=15.0)
SET_WEBHOOK: Final = _change("set_webhook", method="PUT", seconds=5.0)


class BackOfficeClient(TransactionClient):
    """One organisation's back office."""

    def get_status(self, transaction_id: str) -> Answer[Transaction | None]:
        answer: Answer[Transaction | None] = self._call(GET_STATUS, status_of(transaction_id), parse_transaction)
        return Ok(None) if isinstance(answer, CleanFailure) and answer.code == MISSING else answer

    def list_history(self, customer: str, limit: int) -> Answer[list[Transaction]]:
        request = history_of(customer, limit)
        return self._call(LIST_HISTORY, request, lambda body: [parse_transaction(row) for row in body["items"]])

    def create_draft(self, new: NewDraft, key: str) -> Answer[PreparedDraft]:
        document = new.as_document()
        digest = hashlib.sha256(bytes_of(document)).hexdigest()

        def parse(body: Any) -> PreparedDraft:
            made = parse_draft(body)
            # What the customer confirms is what was asked for, in the very bytes that were sent.
            if made.digest != digest or any(body[name] != value for name, value in document.items()):
                raise ValueError("the draft isn't the one that was asked for")
            return made

        return self._call(CREATE_DRAFT, Request("/drafts", json=document, key=key), parse)

    def cancel_draft(self, draft_id: str, key: str) -> Answer[bool]:
        request = Request(f"/drafts/{checked_id(draft_id)}", key=key)
        return self._call(CANCEL_DRAFT, request, lambda body: body["status"] in ("cancelled", "expired"))

    def read_draft(self, draft_id: str) -> Answer[DraftState]:
        def parse(body: Any) -> DraftState:
            is_over = body["status"] in ("cancelled", "expired")
            return DraftState(checked_id(body["transaction_id"]) if body["transaction_id"] else "", is_over)

        return self._call(READ_DRAFT, Request(f"/drafts/{checked_id(draft_id)}"), parse)

    def commit(self, draft_id: str, digest: str, approval: str, key: str) -> Answer[Transaction]:
        document = {"digest": digest, **({"approval": approval} if approval else {})}
        request = Request(f"/drafts/{checked_id(draft_id)}/commit", json=document, key=key)
        return self._call(COMMIT, request, parse_transaction)

    def set_webhook(self, url: str, key: str) -> Answer[bool]:
        """Have changes posted to an address; a back office need not offer it."""

        def parse(body: Any) -> bool:
            if body["url"] != url:
                raise ValueError("changes are posted elsewhere")
            return True

        return self._call(SET_WEBHOOK, Request("/webhook", json={"url": url}, key=key), parse)


def status_of(transaction_id: str) -> Request:
    """Return what reads a transaction. Raises ValueError."""
    return Request(f"/transactions/{checked_id(transaction_id)}")


def history_of(customer: str, limit: int) -> Request:
    """Return what reads a customer's newest transactions. Raises ValueError."""
    return Request("/transactions", {"customer": checked_id(customer), "limit": str(limit)})


def checked_id(text: str) -> str:
    """Return an id that may stand in a path. Raises ValueError."""
    if not _ID.fullmatch(text):
        raise ValueError("not an id of a back office")
    return text


def parse_amount(value: Any) -> Decimal:
    """Return an amount from its text. Raises ValueError for numbers, and for what is no amount."""
    if not isinstance(value, str) or not _AMOUNT.fullmatch(value):
        raise ValueError("not an amount")
    return Decimal(value)


def parse_draft(body: Any) -> PreparedDraft:
    """Return a draft from its JSON. Raises ValueError, KeyError."""
    if not re.fullmatch(r"[0-9a-f]{64}", body["digest"]) or body["status"] != "open":
        raise ValueError("not an open draft")
    expires_at = datetime.fromisoformat(body["expires_at"])
    if expires_at.tzinfo is None:
        raise ValueError("a time without a zone")
    return PreparedDraft(
        id=checked_id(body["id"]),
        digest=body["digest"],
        amount=parse_amount(body["amount"]),
        currency=str(body["currency"]),
        recipient=str(body["recipient"]["name"])[:100],
        destination=str(body["recipient"]["destination"])[:100],
        expires_at=min(expires_at, now() + LONGEST),
    )


def parse_transaction(body: Any) -> Transaction:
    """Return a transaction from its JSON. Raises ValueError, KeyError."""
    return Transaction(
        id=checked_id(body["id"]),
        customer=checked_id(body["customer"]),
        kind=str(body["kind"])[:20],
        status=str(body["status"])[:20],
        amount=parse_amount(body["amount"]),
        currency=str(body["currency"])[:3],
        created_at=str(body["created_at"])[:40],
        updated_at=str(body["updated_at"])[:40],
        description=str(body["description"])[:200],
    )
