"""Tenants connected with each ticket system, and a customer with a proven address."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest

from conversations.models import Contact, ContactPoint
from core.tenancy.scope import tenant_scope
from integrations.services import connect_provider
from integrations.ticketing import registry
from integrations.ticketing.types import Customer
from tests.edge.tickets_fixture import CUSTOMER, TicketServer, hubspot, hubspot_process, zendesk, zendesk_process
from tests.world import OPERATOR, World

__all__ = ["hubspot", "hubspot_process", "zendesk", "zendesk_process"]


@dataclass(frozen=True)
class Desk:
    """A tenant's ticket system and its customer."""

    server: TicketServer
    customer: Customer
    world: World


def connect(server: TicketServer, world: World) -> None:
    """Connect both tenants, each with its own account."""
    for tenant, account in ((world.acme, "acme"), (world.globex, "globex")):
        with tenant_scope(tenant.pk):
            given = server.credentials(account)
            connect_provider(actor=OPERATOR, provider=server.name, name="Main", credentials=given)


def make_contact(address: str = CUSTOMER, name: str = "Carla Jansen", *, is_verified: bool = True) -> Contact:
    """A contact of the tenant in scope with one address."""
    contact = Contact.objects.create(display_name=name, masked_name="C. J.")
    point = {"kind": "email", "value": address, "value_index": uuid4().hex, "is_verified": is_verified}
    ContactPoint.objects.create(contact=contact, **point)
    return contact


def customer(contact_id: UUID) -> Customer:
    return registry.get_customer(str(contact_id))


@pytest.fixture(params=["zendesk", "hubspot"])
def server(request: pytest.FixtureRequest) -> TicketServer:
    """Each ticket system in turn."""
    found: TicketServer = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def desk(server: TicketServer, world: World) -> Iterator[Desk]:
    """The first tenant's scope, with either ticket system."""
    connect(server, world)
    with tenant_scope(world.acme.pk):
        yield Desk(server, customer(make_contact().pk), world)
