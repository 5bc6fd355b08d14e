"""Tools for transactions: of the proven contact of the conversation, prepared here, confirmed by them, never booked."""

from collections.abc import Collection
from typing import Any, Final
from uuid import UUID

from pydantic import Field

from agents.answering.runs.approval_texts import waiting_sentence
from agents.answering.tools.actions import MARGIN, hands_of, with_age
from agents.answering.tools.registry import PROPOSE, Arguments, Caller, Tool, register
from agents.answering.tools.tickets import HUB
from core.actors import Actor
from core.errors import Conflict
from hitl.actions.base import Origin
from hub import selectors
from hub.services import create_draft, request_commit
from integrations.transactions import selectors as transactions
from integrations.transactions.types import Amount, Currency, TransactionId

ASKED: Final = "I've asked you to confirm this. Nothing is paid before you do."


class OneTransaction(Arguments):
    """Which transaction."""

    transaction_id: TransactionId = Field(description="Its id, as the customer or a list names it")


class NewTransaction(Arguments):
    """What is to be paid back."""

    amount: Amount = Field(description='How much, as text in plain digits, for example "49.90"')
    currency: Currency = Field(description="ISO 4217, for example EUR")
    description: str = Field(min_length=1, max_length=200, description="What it is for, in one line")


class OneDraft(Arguments):
    """Which draft."""

    draft_id: str = Field(min_length=1, max_length=64, description="The draft's id, from create_transaction_draft")


class TransactionTool(Tool):
    """A tool that works at the organisation's back office."""

    audience = "verified"
    counted_as = HUB

    def works_here(self, connected: Collection[str]) -> bool:
        return transactions.is_connected(connected)


@register
class GetTransactionStatus(TransactionTool):
    """One transaction of the customer."""

    key = "get_transaction_status"
    title = "Read a transaction's status"
    ability = "tell you the status of one of your transactions"
    description = "Status of one of this customer's own transactions by its id; it may be two minutes old."
    arguments = OneTransaction
    outside = True
    only_reads = True
    has_runner = True
    seconds = 6.0

    def call(self, arguments: Any, *, caller: Caller, call_id: UUID) -> dict[str, Any]:
        """Return the status; where the back office doesn't answer the last one, and its age."""
        linked = transactions.connection()
        line = transactions.line_to(linked, seconds=self.seconds - MARGIN)
        customer = selectors.get_customer(caller.conversation_id)
        found = transactions.get_transaction(customer, arguments.transaction_id, line=line)
        return with_age(found.as_dict(), line, linked.platform.title)


@register
class CreateTransactionDraft(TransactionTool):
    """A refund that the customer is asked to confirm."""

    key = "create_transaction_draft"
    title = "Prepare a refund"
    ability = "prepare a refund that you then confirm"
    description = (
        "Prepare a refund for this customer. They are asked to confirm it by us; nothing is paid. Another amount is "
        "another draft. Returns the draft's id."
    )
    arguments = NewTransaction
    changes = True

    def call(self, arguments: Any, *, caller: Caller, call_id: UUID) -> dict[str, Any]:
        """Prepare it and ask the customer."""
        origin = Origin(
            conversation_id=caller.conversation_id,
            agent_id=caller.agent_id,
            run_id=caller.run_id,
            tool_call_id=call_id,
            agent_owner_id=caller.agent_owner_id,
            also_excluded=hands_of(caller),
        )
        draft = create_draft(actor=agent_of(caller), origin=origin, **arguments.model_dump())
        return {"draft_id": str(draft.pk), "state": "waits_for_customer", "sentence": ASKED}


@register
class CommitTransaction(TransactionTool):
    """The request that books a draft which the customer has confirmed; it calls no back office."""

    key = "commit_transaction"
    title = "Request the booking of a confirmed refund"
    ability = "request that a payment you have confirmed is booked"
    description = (
        "Request the booking of a draft that the customer has confirmed. It is refused as not_confirmed before that. "
        "A confirmation requests it by itself; this tells how far it is."
    )
    arguments = OneDraft
    acting = True
    changes = True

    def call(self, arguments: Any, *, caller: Caller, call_id: UUID) -> dict[str, Any]:
        """Return the approval of a confirmed draft. Raises `Conflict` ("not_confirmed")."""
        draft = selectors.get_draft_in(caller.conversation_id, arguments.draft_id)
        if draft.confirmed_at is None:
            raise Conflict("The customer hasn't confirmed this yet.", code="not_confirmed")
        approval = request_commit(draft_id=draft.pk)
        # Without the approval's id: the customer hears the outcome from the hub, not from this run.
        sentence = waiting_sentence(approval)
        return {"reference": approval.reference, "state": approval.state, "sentence": sentence}


def agent_of(caller: Caller) -> Actor:
    """Return the agent, which requests for a customer without rights of their own."""
    permissions = frozenset({PROPOSE})
    return Actor(kind="agent", id=caller.agent_id, role="agent", name=caller.agent_type, permissions=permissions)
