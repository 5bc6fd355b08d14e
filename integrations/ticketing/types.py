"""Values that ticket systems and the product exchange."""

from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from hitl.actions.base import Params

TicketNumber = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,20}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=5000)]
ContactId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")]
System = Annotated[str, StringConstraints(pattern=r"^[a-z_]{0,32}$")]
"""Empty means the connected one, which `resolve` fills in."""
Status = Literal["new", "open", "waiting", "solved", "closed"]
"""`waiting` is for the customer's answer; a `closed` ticket takes no more comments."""
Priority = Literal["low", "normal", "high", "urgent"]
DONE: Final = frozenset({"solved", "closed"})


@dataclass(frozen=True)
class Ticket:
    """A ticket without its comments; `addresses` are the customer's, in lower case, and are never shown."""

    number: str
    subject: str
    status: Status
    priority: str
    opened_at: str
    updated_at: str
    addresses: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def is_done(self) -> bool:
        return self.status in DONE

    def as_dict(self) -> dict[str, Any]:
        """Return the fields that agents and pages may read."""
        return {
            "ticket": self.number,
            "subject": self.subject,
            "status": self.status,
            "priority": self.priority,
            "opened_at": self.opened_at,
            "updated_at": self.updated_at,
        }


@dataclass(frozen=True)
class NewTicket:
    """A ticket to create for the person with an address."""

    subject: str
    text: str
    priority: Priority
    address: str = field(repr=False)
    name: str = field(repr=False)


@dataclass(frozen=True)
class Comment:
    """A comment to add; an internal one is shown to the agents of the ticket system alone."""

    text: str
    is_internal: bool


@dataclass(frozen=True)
class Customer:
    """A person with the addresses that were proven to be theirs; `shown` is the masked name."""

    id: UUID
    addresses: tuple[str, ...] = field(repr=False)
    name: str = field(repr=False)
    shown: str

    def owns(self, ticket: Ticket) -> bool:
        """Return True if one of the addresses is the ticket's."""
        return not ticket.addresses.isdisjoint(address.casefold() for address in self.addresses)


class TicketDraft(Params):
    """What a new ticket says."""

    subject: str = Field(min_length=1, max_length=150, description="What it is about, in one line")
    text: Text = Field(description="What happened and what the customer needs")
    priority: Priority = "normal"


class CommentDraft(Params):
    """What is added to a ticket."""

    ticket: TicketNumber = Field(description='Number of the ticket, for example "35436"')
    text: Text = Field(description="The exact text of the comment")


class NewTicketParams(TicketDraft):
    """A new ticket for a customer."""

    customer: ContactId = Field(description="Id of the contact that it is opened for")
    system: System = ""


class CommentParams(CommentDraft):
    """A comment on a ticket; with a `customer`, only on one of theirs."""

    is_internal: bool = Field(True, description="Hidden from the customer")
    customer: ContactId | None = None
    system: System = ""
