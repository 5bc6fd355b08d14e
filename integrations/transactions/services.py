"""What is prepared and booked at the back office that the tenant in scope has connected: outside calls, with a key."""

from collections.abc import Callable
from typing import Final, TypeVar
from uuid import UUID

from core.errors import Conflict, Invalid, Unavailable, WalkerError
from hitl.actions.base import Outcome
from integrations.calls.answers import CleanFailure, Ok
from integrations.calls.operations import Line
from integrations.calls.outcomes import outcome_of_failure
from integrations.calls.runner import STOPPED
from integrations.models import ProviderAccount
from integrations.transactions import selectors
from integrations.transactions.ports import TransactionClient
from integrations.transactions.types import NewDraft, PreparedDraft

T = TypeVar("T")
ENDED: Final = "draft_expired"
CHANGED: Final = "draft_changed"
FIELDS: Final = ("amount", "currency", "description")


def prepare_draft(*, asked: NewDraft, key: str) -> tuple[ProviderAccount, PreparedDraft]:
    """Prepare a transaction, and return at which account; nothing is booked.

    For services that have checked the right. Raises `Invalid` with the field, or "no_customer", `Conflict` "paused"
    by an emergency stop, and `Unavailable`.
    """
    linked = selectors.connection()
    with linked.open(Line(linked.account)) as client:
        answer = client.create_draft(asked, key)
    if isinstance(answer, CleanFailure) and answer.code == STOPPED:
        raise Conflict("Payments are paused by an emergency stop.", code="paused")
    if isinstance(answer, CleanFailure) and answer.facts.get("fields"):
        fields = [name for name in FIELDS if name in answer.facts["fields"]] or ["amount"]
        problem = "Our back office doesn't take this."
        named = {name: [problem] for name in fields}
        raise Invalid(f"{', '.join(fields)}: {problem}", code="not_taken", fields=named)
    if isinstance(answer, CleanFailure) and answer.code == "not_found":
        raise Invalid("Our back office doesn't know this customer.", code="no_customer")
    if not isinstance(answer, Ok):
        raise Unavailable("Our back office can't prepare this now.", code=f"back_office_{answer.code}"[:60])
    return linked.account, answer.value


def book_draft(*, account_id: UUID, draft_id: str, digest: str, reference: str, key: str) -> Outcome:
    """Book a draft at the account where it was prepared; safe to repeat with the same key.

    For the executor alone. `reference` is that of the approval.
    """

    def book(client: TransactionClient) -> Outcome:
        answer = client.commit(draft_id, digest, reference, key)
        return _booked(answer.value.id) if isinstance(answer, Ok) else outcome_of_failure(answer, error=answer.code)

    try:
        return _at_account(account_id, 1, book)
    except WalkerError as problem:
        return Outcome("failed_clean", error=problem.code)


def find_booking(*, account_id: UUID, draft_id: str) -> Outcome | None:
    """Return what became of a draft; None while it is open, or nobody can tell. For the executor alone."""

    def look(client: TransactionClient) -> Outcome | None:
        answer = client.read_draft(draft_id)
        if not isinstance(answer, Ok):
            return None
        if answer.value.transaction_id:
            return _booked(answer.value.transaction_id)
        return Outcome("failed_clean", error=ENDED) if answer.value.is_over else None

    try:
        return _at_account(account_id, 3, look)
    except WalkerError:
        return None


def _at_account(account_id: UUID, attempts: int, work: Callable[[TransactionClient], T]) -> T:
    linked = selectors.connection()
    if linked.account.pk != account_id:
        raise Unavailable("The back office is another one now.", code="not_connected")
    with linked.open(Line(linked.account, attempts=attempts)) as client:
        return work(client)


def _booked(transaction_id: str) -> Outcome:
    return Outcome("succeeded", result={"transaction": transaction_id})
