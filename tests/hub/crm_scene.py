"""An organisation whose CRM is connected, its customers, and what a worker does of the work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import uuid4

import pytest
from django.db import transaction

from conversations import services as talks
from conversations.models import ChannelAccount, Contact, Conversation
from conversations.types import InboundMessage, SenderIdentity
from core import catalogue
from core.actors import system
from core.bus import Event
from core.clock import now
from core.models import StreamEvent
from core.tenancy.scope import tenant_scope
from hub.crm import events, switches, worker
from hub.models import CrmContact, CrmNote
from integrations.connections import services as connections
from integrations.models import ProviderAccount
from tests.edge.tickets_fixture import TicketServer, hubspot, hubspot_process
from tests.world import World

__all__ = ["hubspot", "hubspot_process"]
DOOR: Final = system("test-door")
WRITES: Final = "POST /crm/v3/objects/contacts/batch/upsert"
NOTES: Final = "POST /crm/v3/objects/notes"
PHONE: Final = "+34600111222"
EMAIL: Final = "ana@quill.example"


@dataclass
class Crm:
    """Writes as customers, and works as the bus and the worker do."""

    world: World
    server: TicketServer
    account: ProviderAccount
    line: ChannelAccount
    seen: set[Any] = field(default_factory=set)

    def write(self, text: str = "What does it cost?", phone: str = PHONE, name: str = "Ana Souza") -> Conversation:
        """A customer writes from a number that is proven to be theirs."""
        sender = SenderIdentity(kind="phone", value=phone, verified=True, display_name=name)
        given = {"channel_account_id": self.line.pk, "sender": sender, "text": text, "client_id": uuid4()}
        found: Conversation = talks.receive(actor=DOOR, inbound=InboundMessage(**given)).conversation
        return found

    def agree(self, phone: str = PHONE, state: str = "given") -> None:
        """They agree to marketing, or object to it."""
        actor = self.world.actor("support")
        talks.record_consent(actor=actor, address=phone, state=state, purpose="marketing")

    def customer(self, phone: str = PHONE, email: str = EMAIL, *, agrees: bool = True) -> Contact:
        """A customer with a proven number and address."""
        talk = self.write(phone=phone)
        beside = SenderIdentity(kind="phone", value=phone, verified=True)
        talks.add_point(actor=DOOR, beside=beside, sender=SenderIdentity(kind="email", value=email, verified=True))
        Conversation.objects.filter(pk=talk.pk).update(lead=70, read_seq=1)
        if agrees:
            self.agree(phone)
        found: Contact = Contact.objects.get(pk=talk.contact_id)
        return found

    def close(self, contact: Contact) -> None:
        talk = Conversation.objects.exclude(state="closed").get(contact=contact)
        talks.close(actor=DOOR, conversation_id=talk.pk, resolved=True)

    def start(self) -> None:
        switches.start_sending(actor=self.world.actor("owner"), connection_id=self.account.pk)

    def feed(self, *, again: bool = False) -> None:
        """What the bus does in a turn, without its wait for the transactions of other tests."""
        found = []
        for row in StreamEvent.objects.filter(version__isnull=False, type__in=events.TYPES).order_by("id"):
            if again or row.pk not in self.seen:
                kind = catalogue.find(row.type)
                assert kind is not None
                said = kind.publish(row.stream, row.payload)
                found.append(Event(row.pk, row.type, row.version, row.stream, row.seq, said, row.created_at, None))
        self.seen |= {event.id for event in found}
        with transaction.atomic(savepoint=False):
            events.take_events(found)

    def work(self, *, after: float = 30) -> int:
        """What the sweep and the worker do, some seconds from now; return how many rows were due."""
        moment = now() + timedelta(seconds=after)
        due = worker.list_due(now=moment)
        for _, row_id in due:
            worker.send_contact(row_id=row_id, now=moment)
        return len(due)

    def tell(self) -> None:
        """Events and work."""
        self.feed()
        self.work()

    def row(self, contact: Contact) -> CrmContact:
        return CrmContact.objects.get(contact=contact)

    def there(self, contact: Contact) -> dict[str, Any]:
        """Return the properties of a contact at HubSpot; {} for none."""
        headers = {"Authorization": f"Bearer {self.server.credentials()['token']}"}
        path = f"/crm/v3/objects/contacts/{contact.pk}?idProperty=walker_contact"
        answer = self.server.call("GET", path, headers=headers)
        self.server.requests()
        return dict(answer.json()["properties"]) if answer.status_code == 200 else {}

    def effects(self) -> list[str]:
        """Return what happened there, without the properties that were looked at."""
        return [item["operation"] for item in self.server.journal()]

    def calls(self) -> list[str]:
        """Return the requests since this was asked the last time."""
        return self.server.requests()

    def notes(self) -> list[str]:
        return list(CrmNote.objects.order_by("id").values_list("state", flat=True))


def build(world: World, server: TicketServer) -> Crm:
    """Connect a CRM in the first organisation, which is in scope."""
    connect = {"provider": server.name, "credentials": server.credentials(), "name": "Main"}
    account = connections.connect(actor=world.actor("owner"), **connect)
    line = ChannelAccount.objects.create(kind="sms", provider="twilio", name="SMS", address="+34600999000")
    return Crm(world, server, account, line)


@pytest.fixture
def crm(hubspot: TicketServer, world: World) -> Iterator[Crm]:
    """The first organisation's scope; contacts are sent."""
    with tenant_scope(world.acme.pk):
        made = build(world, hubspot)
        made.start()
        made.calls()
        yield made
