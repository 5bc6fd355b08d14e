"""Tools for tickets: the customer is the proven contact of the conversation, and no model chooses another one."""

from abc import abstractmethod
from collections.abc import Collection
from typing import Any, ClassVar, Final, Literal
from uuid import UUID

from pydantic import Field

from agents.answering.tickets.customers import customer_in
from agents.answering.tools.actions import MARGIN, ActingTool, with_age
from agents.answering.tools.registry import PROPOSE, Arguments, Caller, Tool, register, requester_through
from core.actors import Actor
from hitl.actions import registry as kinds
from hitl.actions.base import Params
from integrations.calls.operations import Line
from integrations.ticketing import selectors
from integrations.ticketing.types import CommentDraft, Customer, TicketDraft, TicketNumber

MOST: Final = 10
HUB: Final = "hub"
"""Under it the calls of tickets and transactions count together."""


class WhichTickets(Arguments):
    """Which of the customer's tickets."""

    status: Literal["any", "open", "solved"] = Field("any", description="Only open or only solved ones; any for all")


class OneTicket(Arguments):
    """Which ticket."""

    ticket: TicketNumber = Field(description='Number of the ticket, for example "35436"')


class TicketReading(Tool):
    """Reads the customer's own tickets."""

    audience = "verified"
    counted_as = HUB
    outside = True
    only_reads = True
    has_runner = True

    def works_here(self, connected: Collection[str]) -> bool:
        return selectors.is_connected(connected)

    def call(self, arguments: Arguments, *, caller: Caller, call_id: UUID) -> dict[str, Any]:
        """Return what is found for the customer; where the system doesn't answer the last value, and its age."""
        customer, linked = customer_in(caller.conversation_id), selectors.connection()
        line = Line(linked.account, seconds=self.seconds - MARGIN, takes_last=True)
        found = self.find(arguments.model_dump(), customer, line)
        return with_age(found, line, linked.platform.title)

    @abstractmethod
    def find(self, asked: dict[str, Any], customer: Customer, line: Line) -> dict[str, Any]:
        """Return what was asked for (outside call)."""


@register
class SearchTickets(TicketReading):
    """The customer's tickets."""

    key = "search_tickets"
    title = "Find tickets"
    ability = "find your tickets"
    description = "This customer's own tickets with their numbers and statuses, the last changed first."
    arguments = WhichTickets

    def find(self, asked: dict[str, Any], customer: Customer, line: Line) -> dict[str, Any]:
        status, rows = asked["status"], selectors.search_tickets(customer, line)
        wanted = [row for row in rows if status == "any" or row.is_done == (status == "solved")]
        return {"tickets": [row.as_dict() for row in wanted[:MOST]], "count": len(wanted)}


@register
class GetTicketStatus(TicketReading):
    """One ticket of the customer."""

    key = "get_ticket_status"
    title = "Read a ticket's status"
    ability = "tell you the status of one of your tickets"
    description = "Status of one of this customer's own tickets by its number; it may be five minutes old."
    arguments = OneTicket

    def find(self, asked: dict[str, Any], customer: Customer, line: Line) -> dict[str, Any]:
        return selectors.get_ticket(asked["ticket"], customer, line=line).as_dict()


class TicketRequest(ActingTool):
    """Requests a change in the ticket system for the customer, who need not be a member."""

    audience = "verified"
    counted_as = HUB
    needs = ""
    draft: ClassVar[type[Params]]
    """What the model says; the tool fills in the rest of the kind's values."""

    def __init__(self) -> None:
        super().__init__(kinds.get(self.key))
        self.arguments = self.draft

    def suits(self, caller: Caller) -> bool:
        """Return True for proven customers, and for members with the right to request."""
        return PROPOSE in caller.permissions if caller.is_member else caller.verified

    def requester(self, caller: Caller) -> Actor:
        """Return the agent: for a customer, who has no rights of their own, it requests by itself."""
        if caller.is_member:
            return requester_through(caller, PROPOSE)
        return Actor(
            kind="agent",
            id=caller.agent_id,
            role="agent",
            name=caller.agent_type,
            permissions=frozenset({PROPOSE}),
        )

    def filled(self, arguments: Params, caller: Caller) -> dict[str, Any]:
        """Add the customer."""
        return {**super().filled(arguments, caller), "customer": str(customer_in(caller.conversation_id).id)}


@register
class CreateTicket(TicketRequest):
    """A new ticket for the customer."""

    key = "create_ticket"
    draft = TicketDraft


@register
class AddComment(TicketRequest):
    """A comment on one of the customer's tickets: a colleague's is internal, a customer's own where all are."""

    key = "add_comment"
    draft = CommentDraft

    def filled(self, arguments: Params, caller: Caller) -> dict[str, Any]:
        """Add the customer, and who will read it: no model decides that."""
        is_internal = caller.is_member or not selectors.has_public_comments(selectors.connection())
        return {**super().filled(arguments, caller), "is_internal": is_internal}
