"""Erase what the hub keeps about people: who they are in the back office, and what was to be paid to them."""

from typing import ClassVar

from core.privacy.erasure.person import Person
from core.privacy.erasure.registry import HANDLERS, Batch, ErasureHandler, Step, Table, emptied
from hub.models import CustomerLink, TransactionDraft

EMPTY = {
    "customer": "",
    "description": "",
    "recipient": "",
    "destination": "",
    "token_digest": "",
    "code_digest": "",
}


def _links(person: Person, after: str, limit: int) -> Batch:
    return Batch(CustomerLink.objects.filter(contact_id__in=person.ids("contacts")).delete()[0])


def _drafts(person: Person, after: str, limit: int) -> Batch:
    """Empty drafts; what isn't booked yet never is."""
    rows = TransactionDraft.objects.filter(conversation_id__in=person.ids("conversations"))
    rows.filter(state__in=("open", "confirmed")).update(state=TransactionDraft.State.ENDED)
    return emptied(rows.exclude(masked_recipient="erased"), limit, masked_recipient="erased", **EMPTY)


class HubErasure(ErasureHandler):
    """Erases a person's drafts and their id in the back office."""

    order: ClassVar[int] = 45
    tables: ClassVar[tuple[Table, ...]] = (
        Table("hub.CustomerLink", "Rows are removed.", "customer"),
        Table("hub.TransactionDraft", "That something was to be paid, how much and when, and ids at the back office.",
              "customer description recipient masked_recipient destination token_digest code_digest",
              "vendor_id digest currency transaction_id excluded agent_id agent_owner_id run_id tool_call_id "
              "approval_id"),
    )  # fmt: skip
    steps: ClassVar[tuple[Step, ...]] = (
        Step("customers", "Who they are in the back office", _links),
        Step("transactions", "What they were asked to confirm", _drafts),
    )


HANDLERS.register("hub", HubErasure)
