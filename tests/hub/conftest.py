"""An organisation with a back office, a web chat and an SMS number, and customers who are proven there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest

from agents.models import Agent
from conversations.models import ChannelAccount, Contact, Conversation, Message
from conversations.registry import text_to_send
from conversations.services import receive
from conversations.types import InboundMessage, SenderIdentity
from core.actors import Actor, system
from core.tenancy.scope import tenant_scope
from demo.agents import ensure_default_agents
from hitl.actions.base import Origin
from hitl.models import Approval
from hitl.services import create_workflow, decide
from hub import services
from hub.models import TransactionDraft
from hub.requests import request_commit
from integrations.connections import services as connections
from tests.edge.back_office_fixture import BackOffice
from tests.integrations.connections.conftest import office_account
from tests.world import OPERATOR, World

DOOR = system("webchat")
REFUND = {"amount": "49.90", "currency": "EUR", "description": "Laces of order 5001"}


@dataclass
class Shop:
    """Writes as customers, asks them as an agent does, and decides as an approver."""

    world: World
    office: BackOffice
    chat: ChannelAccount
    sms: ChannelAccount
    agent_id: UUID

    def write(self, text: str, who: str = "ana", *, proven: bool = True, by: str = "chat", press: str = "") -> Message:
        """A customer's message arrives; `press` is what a button carries."""
        is_chat = by == "chat"
        point = f"customer:{who}" if is_chat else {"ana": "+34600111222", "tilda": "+34600333444"}[who]
        inbound = InboundMessage(
            channel_account_id=(self.chat if is_chat else self.sms).pk,
            sender=SenderIdentity(kind="webchat" if is_chat else "phone", value=point, verified=proven),
            text=text,
            client_id=uuid4(),
            metadata={"button": {"text": text, "payload": press}} if press else {},
        )
        return receive(actor=DOOR, inbound=inbound)

    def begin(self, who: str = "ana", customer: str = "c-1001", by: str = "chat") -> Conversation:
        """A customer writes in whom the back office knows."""
        talk: Conversation = self.write("I want my money back", who, by=by).conversation
        services.link_customer(actor=self.world.actor("support"), contact_id=talk.contact_id, customer=customer)
        return talk

    def ask(self, talk: Conversation, **changed: Any) -> TransactionDraft:
        """The agent prepares a refund."""
        agent = Actor(
            kind="agent", id=self.agent_id, role="agent", name="test", permissions=frozenset({"hitl.propose_approval"})
        )
        origin = Origin(conversation_id=talk.pk, agent_id=self.agent_id, run_id=uuid4(), tool_call_id=uuid4())
        return services.create_draft(actor=agent, origin=origin, **{**REFUND, **changed})

    def card(self, draft: TransactionDraft) -> Message:
        found: Message = Message.objects.get(conversation=draft.conversation, client_id=draft.pk)
        return found

    def token(self, draft: TransactionDraft, verb: str = "confirm") -> str:
        """What the card's button carries."""
        choices = self.card(draft).metadata["choices"]
        return str(next(one["id"] for one in choices if one["id"].startswith(verb)))

    def code(self, draft: TransactionDraft) -> str:
        """What the customer reads."""
        found = re.search(r"\b\d{6}\b", text_to_send(self.card(draft)))
        assert found
        return found[0]

    def confirmed(self, draft: TransactionDraft) -> Approval:
        """The customer presses, and the approval is requested."""
        self.write("Confirm", press=self.token(draft))
        return request_commit(draft_id=draft.pk)

    def approve(self, approval: Approval) -> None:
        approval.refresh_from_db()
        decide(
            actor=self.world.actor("approver"),
            approval_id=approval.pk,
            verdict="approve",
            digest=approval.digest,
            reason="",
        )

    def last_words(self, talk: Conversation) -> str:
        rows = Message.objects.filter(conversation=talk, direction="out").order_by("-seq")
        return str(rows[0].body)

    def booked(self) -> int:
        return self.office.journal().count("commit")


@pytest.fixture
def shop(back_office: BackOffice, world: World, settings: Any) -> Iterator[Shop]:
    """The first organisation's scope."""
    settings.BACK_OFFICE_HOSTS = ["127.0.0.1", "localhost"]
    with tenant_scope(world.acme.pk):
        yield open_shop(world, back_office)


def open_shop(world: World, back_office: BackOffice) -> Shop:
    """Return the shop of the organisation in scope."""
    ensure_default_agents()
    connections.connect(actor=world.actor("owner"), provider="back_office", credentials=office_account(back_office))
    signers = [{"type": "role", "value": "approver"}]
    create_workflow(actor=OPERATOR, name="All", is_default=True, levels=[{"approvers": signers}])
    chat = ChannelAccount.objects.create(kind="webchat", name="Chat", public_key=uuid4().hex)
    sms = ChannelAccount.objects.create(kind="sms", provider="twilio", name="SMS", address="+34600999000")
    return Shop(world, back_office, chat, sms, Agent.objects.first().pk)


def state_of(draft: TransactionDraft) -> str:
    draft.refresh_from_db()
    return str(draft.state)


def contact_of(talk: Conversation) -> Contact:
    return talk.contact
