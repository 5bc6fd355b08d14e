"""Parameters of what can be requested for tickets: what an agent writes, and what is filled in."""

from typing import Annotated

from pydantic import Field, StringConstraints

from integrations.ticketing.types import CommentDraft, TicketDraft

ContactId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")]
System = Annotated[str, StringConstraints(pattern=r"^[a-z_]{0,32}$")]
"""Empty means the connected one, which `resolve` fills in."""


class NewTicketParams(TicketDraft):
    """A new ticket for a customer."""

    customer: ContactId = Field(description="The contact for whom it is opened")
    system: System = ""


class CommentParams(CommentDraft):
    """A comment on a ticket; with a `customer`, only on one of theirs."""

    is_internal: bool = Field(True, description="Hidden from the customer")
    customer: ContactId | None = None
    system: System = ""
