"""Action kinds of ticket systems: open a ticket, add a comment. Each waits for what the workflows say.

A request names the contact, never an address: it is looked up when it is needed, so an erased person has none.
"""

import hashlib
from collections.abc import Callable, Collection
from decimal import Decimal
from typing import Any, ClassVar, Final
from uuid import UUID

from core.errors import Invalid, WalkerError
from hitl.actions.base import ActionKind, ClaimWords, Estimate, Facts, Outcome, P, Preview, PreviewRow
from integrations import platforms
from integrations.calls.answers import Ok
from integrations.calls.operations import Line
from integrations.calls.outcomes import outcome_of_failure
from integrations.ticketing import kept, selectors
from integrations.ticketing.ports import TicketClient
from integrations.ticketing.registry import get_customer
from integrations.ticketing.types import Comment, CommentParams, NewTicket, NewTicketParams

_TICKETS: Final = {
    "en": ("ticket", "case"), "de": ("ticket", "fall", "vorgang"), "fr": ("ticket", "dossier"),
    "es": ("ticket", "caso", "incidencia"), "it": ("ticket", "segnalazion"), "pt": ("ticket", "chamado", "caso"),
    "nl": ("ticket", "melding"),
}  # fmt: skip
_COMMENTS: Final = {
    "en": ("comment", "note"), "de": ("kommentar", "notiz", "anmerkung"), "fr": ("commentaire", "note"),
    "es": ("comentario", "nota"), "it": ("commento", "nota"), "pt": ("comentário", "nota"),
    "nl": ("opmerking", "notitie", "reactie"),
}  # fmt: skip

NEW_TICKET: Final = ClaimWords(
    verbs={
        "en": ("created", "opened", "raised", "filed", "logged", "submitted"),
        "de": ("erstellt", "eröffnet", "angelegt", "geöffnet"), "fr": ("créé", "ouvert"),
        "es": ("cread", "abiert"), "it": ("creat", "apert"), "pt": ("criad", "abert"),
        "nl": ("aangemaakt", "geopend"),
    },
    things=_TICKETS,
)  # fmt: skip
COMMENT: Final = ClaimWords(
    verbs={
        "en": ("added", "posted", "left", "written", "updated"),
        "de": ("hinzugefügt", "ergänzt", "geschrieben", "aktualisiert"), "fr": ("ajouté", "écrit"),
        "es": ("añadid", "agregad", "escrit"), "it": ("aggiunt", "scritt"), "pt": ("adicionad", "escrit"),
        "nl": ("toegevoegd", "geschreven"),
    },
    things={language: (*words, *_TICKETS[language]) for language, words in _COMMENTS.items()},
)  # fmt: skip
NOTHING_THERE: Final = Outcome("failed_clean", error="not_found: The key took no effect.", retry=True)


class TicketKind(ActionKind[P]):
    """A change in a ticket system, which is found again by its key: it has its effect once."""

    keyed: ClassVar[bool] = True
    own_tool: ClassVar[bool] = True
    base_risk: ClassVar[int] = 5

    def pause_reason(self) -> str:
        """Return why the connected ticket system isn't called now."""
        found = selectors.find_connection()
        return platforms.find_pause(found.platform.key) if found else ""

    def systems(self) -> Collection[str]:
        """Return all ticket systems: a request names the one that it is for."""
        return selectors.systems()

    def estimate(self, params: P, facts: Facts) -> Estimate:
        """Return no cost, and one person."""
        return Estimate(cost=Decimal("0.00"), reach=1)


class CreateTicket(TicketKind[NewTicketParams]):
    """Opens a ticket for a customer."""

    key: ClassVar[str] = "create_ticket"
    title: ClassVar[str] = "Open a ticket"
    ability: ClassVar[str] = "request a new ticket for you"
    description: ClassVar[str] = "Request a new ticket in the ticket system for this customer; waits for approval."
    claim_words: ClassVar[ClaimWords] = NEW_TICKET
    params_model = NewTicketParams

    def resolve(self, params: NewTicketParams) -> NewTicketParams:
        """Name the ticket system; refuse a customer without a proven address."""
        get_customer(params.customer)
        return params.model_copy(update={"system": selectors.connection(params.system).platform.key})

    def observe(self, params: NewTicketParams) -> Facts:
        """Return the ticket system and the customer, masked."""
        return {
            "system": selectors.connection(params.system).platform.title,
            "customer": get_customer(params.customer).shown,
        }

    def preview(self, params: NewTicketParams, facts: Facts) -> Preview:
        """Show what the ticket says, and the customer."""
        rows = (
            PreviewRow("Customer", "", str(facts["customer"])),
            PreviewRow("Subject", "", params.subject),
            PreviewRow("Priority", "", params.priority),
        )
        return Preview(headline=f"Open a ticket in {facts['system']}", rows=rows, body=params.text)

    def drift(self, old_facts: Facts, new_facts: Facts) -> list[str]:
        """Report another ticket system; the customer's name may change."""
        if old_facts.get("system") == new_facts.get("system"):
            return []
        return [f"The ticket system was {old_facts.get('system')} and is now {new_facts.get('system')}."]

    def subject_key(self, params: NewTicketParams) -> str:
        return f"ticket:{params.customer}:{_digest(params.subject, params.text)}"

    def execute(self, params: NewTicketParams, *, idempotency_key: str) -> Outcome:
        """Create the ticket, unless it was created under this key. Safe to repeat."""

        def create(client: TicketClient) -> Outcome:
            customer = get_customer(params.customer)
            new = NewTicket(params.subject, params.text, params.priority, customer.addresses[0], customer.name)
            answer = client.create(new, idempotency_key)
            if isinstance(answer, Ok):
                kept.forget(params.system, customer.id)
                return _opened(answer.value.number)
            # By its code alone: a vendor's words may name the customer.
            return outcome_of_failure(answer, error=answer.code)

        return _perform(params.system, create)

    def probe(self, params: NewTicketParams, *, idempotency_key: str) -> Outcome | None:
        """Look for the ticket by its key."""

        def look(client: TicketClient) -> Outcome | None:
            answer = client.find_created(idempotency_key)
            if not isinstance(answer, Ok):
                return None
            return _opened(answer.value.number) if answer.value else NOTHING_THERE

        return _ask(params.system, look)


class AddComment(TicketKind[CommentParams]):
    """Adds a comment to a ticket."""

    key: ClassVar[str] = "add_comment"
    title: ClassVar[str] = "Comment on a ticket"
    ability: ClassVar[str] = "request a comment on one of your tickets"
    description: ClassVar[str] = "Request a comment on one of this customer's tickets; waits for approval."
    claim_words: ClassVar[ClaimWords] = COMMENT
    params_model = CommentParams

    def resolve(self, params: CommentParams) -> CommentParams:
        """Name the ticket system; refuse a ticket that takes no comment, or that is another customer's."""
        linked = selectors.connection(params.system)
        customer = get_customer(params.customer) if params.customer else None
        ticket = selectors.get_ticket(params.ticket, customer, system=linked.platform.key)
        if ticket.status == "closed":
            sentence = f"Ticket {ticket.number} is closed and takes no more comments."
            raise Invalid(sentence, code="ticket_closed", fields={"ticket": [sentence]})
        if not params.is_internal and not selectors.has_public_comments(linked):
            sentence = f"{linked.platform.title} takes internal comments only."
            raise Invalid(sentence, code="internal_only", fields={"is_internal": [sentence]})
        return params.model_copy(update={"system": linked.platform.key})

    def observe(self, params: CommentParams) -> Facts:
        """Return the ticket as it is now."""
        customer = get_customer(params.customer) if params.customer else None
        ticket = selectors.get_ticket(params.ticket, customer, system=params.system)
        title = platforms.get(params.system).title
        return {"system": title, "ticket": ticket.number, "subject": ticket.subject, "status": ticket.status}

    def preview(self, params: CommentParams, facts: Facts) -> Preview:
        """Show the whole comment and who will read it."""
        readers = "Colleagues only" if params.is_internal else "The customer and colleagues"
        rows = (PreviewRow("Ticket", "", str(facts["subject"])), PreviewRow("Who reads it", "", readers))
        what = "an internal comment" if params.is_internal else "a comment"
        headline = f"Add {what} to ticket {facts['ticket']} in {facts['system']}"
        return Preview(headline=headline, rows=rows, body=params.text)

    def drift(self, old_facts: Facts, new_facts: Facts) -> list[str]:
        """Report a ticket that was closed or has another subject; its status may change otherwise."""
        changes = []
        if new_facts.get("status") == "closed" != old_facts.get("status"):
            changes.append("The ticket was closed.")
        if old_facts.get("subject") != new_facts.get("subject"):
            changes.append("The ticket has another subject now.")
        return changes

    def subject_key(self, params: CommentParams) -> str:
        return f"ticket:{params.system}:{params.ticket}:{_digest(params.text, str(params.is_internal))}"

    def execute(self, params: CommentParams, *, idempotency_key: str) -> Outcome:
        """Add the comment, unless it was added under this key. Safe to repeat."""

        def add(client: TicketClient) -> Outcome:
            answer = client.comment(params.ticket, Comment(params.text, params.is_internal), idempotency_key)
            if not isinstance(answer, Ok):
                return outcome_of_failure(answer, error=answer.code)
            if params.customer:
                kept.forget(params.system, UUID(params.customer))
            return _commented(params.ticket)

        return _perform(params.system, add)

    def probe(self, params: CommentParams, *, idempotency_key: str) -> Outcome | None:
        """Look for the comment by its key."""

        def look(client: TicketClient) -> Outcome | None:
            answer = client.has_comment(params.ticket, idempotency_key)
            if not isinstance(answer, Ok):
                return None
            return _commented(params.ticket) if answer.value else NOTHING_THERE

        return _ask(params.system, look)


def _digest(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]


def _opened(number: str) -> Outcome:
    return Outcome("succeeded", result={"ticket": number, "in_words": f"ticket {number} was opened"})


def _commented(number: str) -> Outcome:
    return Outcome("succeeded", result={"ticket": number, "in_words": f"the comment was added to ticket {number}"})


def _perform(system: str, change: Callable[[TicketClient], Outcome]) -> Outcome:
    """Connect and execute one change; a missing account is a clean failure.

    The call is made once: the engine repeats it, under a fence and only while no emergency stop covers it.
    """
    try:
        linked = selectors.connection(system)
        with linked.open(Line(linked.account, attempts=1)) as client:
            return change(client)
    except WalkerError as error:
        return Outcome("failed_clean", error=error.code)


def _ask(system: str, look: Callable[[TicketClient], Outcome | None]) -> Outcome | None:
    """Connect and look for an effect; None if the system can't be asked now."""
    try:
        with selectors.connection(system).open() as client:
            return look(client)
    except WalkerError:
        return None


KINDS: tuple[type[ActionKind[Any]], ...] = (CreateTicket, AddComment)
