"""Reading tickets through the ticket system that the tenant in scope has connected."""

from collections.abc import Collection
from typing import TypeVar
from uuid import UUID

from core.errors import Invalid, NotFound, Unavailable
from core.privacy.visible_text import visible
from integrations import platforms
from integrations.calls.answers import Answer, Ok
from integrations.calls.operations import Line
from integrations.models import ProviderAccount
from integrations.platforms import Connection
from integrations.ticketing import kept
from integrations.ticketing.kept import KeptTickets
from integrations.ticketing.ports import TicketPlatform
from integrations.ticketing.registry import get_customer
from integrations.ticketing.types import Customer, Ticket

T = TypeVar("T")


def systems() -> list[str]:
    """Return the keys of the registered ticket systems, in the order of registration."""
    return [key for key in platforms.keys() if isinstance(platforms.get(key), TicketPlatform)]  # noqa: SIM118


def is_connected(connected: Collection[str]) -> bool:
    """Return True if a ticket system is among these platforms. One query if all may be there for contacts alone."""
    here = [platforms.get(key) for key in systems() if key in connected]
    if any(isinstance(each, TicketPlatform) and not each.is_also_crm for each in here):
        return True
    return bool(here) and find_connection() is not None


def connection(system: str = "") -> Connection:
    """Return the connection with a ticket system, without a key the one that `find_connection` finds.

    Raises Unavailable `not_connected` without one, and NotFound for a platform that is none.
    """
    if system:
        if system not in systems():
            raise NotFound("There is no ticket system of this name.")
        linked = platforms.connection(system)
        if not _has_tickets(linked):
            raise Unavailable(f"{linked.platform.title} is connected for contacts alone.", code="not_connected")
        return linked
    found = find_connection()
    if found is None:
        raise Unavailable("Your organisation has connected no ticket system.", code="not_connected")
    return found


def find_connection() -> Connection | None:
    """Return the ticket system that answers for the tenant, or None. One query.

    The first that is connected, but one that is a CRM too only where there is no other.
    """
    found = [one for one in platforms.connected() if _has_tickets(one)]
    return min(
        found, key=lambda one: isinstance(one.platform, TicketPlatform) and one.platform.is_also_crm, default=None
    )


def _has_tickets(linked: Connection) -> bool:
    return isinstance(linked.platform, TicketPlatform) and linked.platform.is_for_tools(linked.account)


def say_who_answers(account: ProviderAccount) -> str:
    """Return which ticket system agents and people use, for the page of a connection with one; "" for another."""
    platform = platforms.find(account.provider)
    if not isinstance(platform, TicketPlatform) or not account.is_active:
        return ""
    found = find_connection()
    if found is None:
        return "Agents, requests and the inbox use no tickets now."
    if found.account.pk == account.pk:
        return "Agents, requests and the inbox use the tickets of this connection."
    other = f"{found.platform.title} (“{visible(found.account.name)}”)"
    return f"Agents, requests and the inbox use the tickets of {other}, not of this connection."


def has_public_comments(linked: Connection) -> bool:
    """Return False if comments in this ticket system can't reach the customer."""
    return isinstance(linked.platform, TicketPlatform) and linked.platform.has_public_comments


def value_of(answer: Answer[T]) -> T:
    """Return the value of a read. Raises Unavailable with the system's code on failure."""
    if isinstance(answer, Ok):
        return answer.value
    raise Unavailable("The ticket system didn't answer as expected.", code=f"tickets_{answer.code}"[:60])


def search_tickets(customer: Customer, line: Line | None = None) -> list[Ticket]:
    """Return a customer's tickets, the last changed first (outside call). Raises Unavailable.

    What was read is kept for the pages that show it.
    """
    linked = connection()
    found: dict[str, Ticket] = {}
    with linked.open(line) as client:
        for address in customer.addresses:
            rows = value_of(client.search(address))
            found.update({row.number: row for row in rows if customer.owns(row)})
    tickets = sorted(found.values(), key=lambda ticket: ticket.updated_at, reverse=True)
    if line is None or line.read_at is None:
        kept.keep(linked.platform.key, customer.id, tickets)
    return tickets


def get_ticket(number: str, customer: Customer | None, *, system: str = "", line: Line | None = None) -> Ticket:
    """Return a ticket by its number (outside call); another customer's is the same error as none.

    Raises NotFound, Unavailable. Without a customer it is any ticket of the organisation.
    """
    with connection(system).open(line) as client:
        found: Ticket | None = value_of(client.get(number))
    if found is None or (customer is not None and not customer.owns(found)):
        raise NotFound("There's no ticket with this number.")
    return found


def refresh_tickets(contact_id: UUID) -> None:
    """Read a contact's tickets for the pages that show them (outside call, in the background).

    Does nothing without a ticket system; a contact without a proven address has none. Raises Unavailable.
    """
    linked = find_connection()
    if linked is None:
        return
    try:
        customer = get_customer(str(contact_id))
    except Invalid:
        kept.keep(linked.platform.key, contact_id, [])
        return
    search_tickets(customer, Line(linked.account))


def last_tickets(linked: Connection, contact_id: UUID) -> KeptTickets | None:
    """Return what was last read of a contact's tickets, None for nothing. Without an outside call."""
    return kept.find(linked.platform.key, contact_id)
