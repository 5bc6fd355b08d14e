"""Tools for tickets, and the panel beside a conversation: the customer is who the conversation proves."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse

from agents import tasks
from agents.answering.tickets.panel import panel_of_conversation
from agents.answering.tools.tickets import TicketReading
from agents.llm.ports import Line, ToolRequest, ToolSpec, Turn
from agents.models import Agent, AgentVersion, ToolCall
from conversations.models import ChannelAccount, ContactPoint, Conversation
from conversations.types import SenderIdentity
from core.tenancy.scope import tenant_scope
from hitl.models import Approval
from hitl.services import decide, execute
from integrations.calls.breaker import breaker_of
from integrations.models import ProviderAccount
from integrations.services import connect_provider
from integrations.ticketing import selectors
from tests.agents.conftest import Desk, open_desk
from tests.edge.platform_fixture import Platform
from tests.edge.tickets_fixture import CUSTOMER, TicketServer, hubspot, hubspot_process, zendesk, zendesk_process
from tests.world import OPERATOR, World

__all__ = ["hubspot", "hubspot_process", "zendesk", "zendesk_process"]
TOOLS = ["search_tickets", "get_ticket_status", "create_ticket", "add_comment"]
DRAFT = {"subject": "Zip is broken", "text": "It broke on the first day."}


@dataclass
class MailDesk(Desk):
    """A desk to which customers write by mail."""

    server: TicketServer | None = None
    address: str = CUSTOMER

    def sender(self, role: str) -> SenderIdentity:
        if role in self.world.people:
            return super().sender(role)
        return SenderIdentity(
            kind="email", value=self.address, verified=role != "unproven", display_name="Carla Jansen"
        )

    def ask(self, *wishes: tuple[str, dict[str, Any]], role: str = "customer") -> list[dict[str, Any]]:
        """Make the model ask for these once, and return the results."""
        before = set(ToolCall.objects.values_list("pk", flat=True))

        def script(lines: Sequence[Line], tools: Sequence[ToolSpec]) -> Turn:
            if lines[-1].role == "tool":
                return Turn("I see.")
            requests = tuple(ToolRequest(f"c{n}", name, given) for n, (name, given) in enumerate(wishes))
            return Turn("", requests, stop="tool_calls")

        self.script(script)
        self.say("About my tickets", role=role)
        return list(ToolCall.objects.exclude(pk__in=before).order_by("id").values_list("result", flat=True))


@pytest.fixture
def mail(acme: World, sandbox: Platform, zendesk: TicketServer) -> MailDesk:
    return open_mail(acme, sandbox, zendesk)


def open_mail(acme: World, sandbox: Platform, zendesk: TicketServer) -> MailDesk:
    made = open_desk(acme, sandbox)
    Agent.objects.exclude(type="paid_ads").update(is_active=False)
    AgentVersion.objects.update(tools=TOOLS)
    account = ChannelAccount.objects.create(kind="email", name="Mail", public_key="mail")
    for tenant, name in ((acme.acme, "acme"), (acme.globex, "globex")):
        with tenant_scope(tenant.pk):
            given = zendesk.credentials(name)
            connect_provider(actor=OPERATOR, provider="zendesk", name="Main", credentials=given)
    return MailDesk(made.world, account, sandbox, server=zendesk)


def test_proven_customer_reads_their_own_tickets_and_nobody_elses(mail: MailDesk) -> None:
    (found,) = mail.ask(("search_tickets", {"status": "open"}))
    assert [row["subject"] for row in found["tickets"]] == ["The left boot leaks"]
    assert set(found["tickets"][0]) == {"ticket", "subject", "status", "priority", "opened_at", "updated_at"}
    number = found["tickets"][0]["ticket"]
    (status,) = mail.ask(("get_ticket_status", {"ticket": number}))
    assert status["status"] == "open"
    mail.address = "stranger@customers.example"
    none, foreign, missing = mail.ask(
        ("search_tickets", {}), ("get_ticket_status", {"ticket": number}), ("get_ticket_status", {"ticket": "999999"})
    )
    assert (none["count"], foreign) == (0, missing)
    (spoofed,) = mail.ask(("search_tickets", {"customer": CUSTOMER}))
    assert spoofed["error"] == "bad_arguments"


def test_sender_who_is_not_proven_has_no_such_tool(mail: MailDesk) -> None:
    assert [row["error"] for row in mail.ask(("search_tickets", {}), ("create_ticket", DRAFT), role="unproven")] == [
        "not_offered", "not_offered",
    ]  # fmt: skip
    assert not Approval.objects.exists()


@pytest.mark.slow
def test_customer_requests_a_ticket_and_a_comment_for_themselves(mail: MailDesk) -> None:
    assert mail.server is not None
    (asked,) = mail.ask(("create_ticket", DRAFT))
    made = Approval.objects.get(reference=asked["reference"])
    contact = ContactPoint.objects.get(kind="email").contact_id
    assert (made.payload["customer"], made.requester_id, made.agent_id is None) == (str(contact), None, False)
    who = mail.world.actor("approver")
    decide(actor=who, approval_id=made.pk, verdict="approve", digest=made.digest, reason="")
    assert execute(approval_id=made.pk).state == "executed"
    number = made.executions.get().result["ticket"]
    (commented,) = mail.ask(("add_comment", {"ticket": number, "text": "I also lost the box."}))
    assert Approval.objects.get(reference=commented["reference"]).payload["is_internal"] is False
    mail.address = "stranger@customers.example"
    (foreign,) = mail.ask(("add_comment", {"ticket": number, "text": "Mine now."}))
    assert "error" in foreign
    assert (mail.server.created(), len(mail.server.comments())) == (1, 0)


def test_panel_shows_what_was_read_masked_and_makes_no_call(mail: MailDesk) -> None:
    assert mail.server is not None
    mail.server.change(subject="Carla Jansen at carla@customers.example wants a refund")
    mail.receive("Hello", "customer")
    talk, viewer = Conversation.objects.get(), mail.world.actor("viewer")
    empty = panel_of_conversation(viewer, talk, frozenset())
    assert empty is not None
    assert (empty.context["rows"], empty.context["read_at"]) == ([], None)
    mail.server.requests()
    tasks.refresh_tickets(str(mail.world.acme.pk), str(talk.contact_id))
    assert mail.server.requests() != []
    shown = panel_of_conversation(viewer, talk, frozenset())
    assert shown is not None
    assert [row["status"] for row in shown.context["rows"]] == ["Open", "Solved"]
    assert ("Carla" in str(shown.context), CUSTOMER in str(shown.context)) == (False, False)
    assert mail.server.requests() == []
    with tenant_scope(mail.world.globex.pk):
        assert selectors.last_tickets(selectors.connection(), talk.contact_id) is None


@pytest.mark.slow
def test_page_has_the_panel_only_while_a_ticket_system_is_connected(mail: MailDesk, browser: Any) -> None:
    mail.receive("Hello", "customer")
    page = reverse("admin:conversations_conversation_change", args=[Conversation.objects.get().pk])
    assert "Tickets in Zendesk" in browser("support").get(page).content.decode()
    ProviderAccount.objects.filter(provider="zendesk").update(is_active=False)
    assert "Tickets in" not in browser("support").get(page).content.decode()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_hanging_system_costs_a_turn_its_time_once_and_no_other_organisation_anything(
    committed_world: World,
    sandbox: Platform,
    zendesk: TicketServer,
    hubspot: TicketServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(TicketReading, "seconds", 3.0)  # of which its calls have two
    world = committed_world
    with tenant_scope(world.globex.pk):
        connect_provider(actor=OPERATOR, provider="hubspot", name="Main", credentials=hubspot.credentials())
    with tenant_scope(world.acme.pk):
        mail = open_mail(world, sandbox, zendesk)
        (known,) = mail.ask(("search_tickets", {"status": "open"}))
        number = known["tickets"][0]["ticket"]
        wishes = [
            [("get_ticket_status", {"ticket": number}), ("get_ticket_status", {"ticket": "35437"})],
            [("search_tickets", {"status": "any"})],
            [("create_ticket", DRAFT), ("add_comment", {"ticket": number, "text": "Still broken."})],
        ]

        def script(lines: Sequence[Line], tools: Sequence[ToolSpec]) -> Turn:
            if not wishes:
                return Turn("I can't reach our ticket system now.")
            asked = wishes.pop(0)
            requests = tuple(ToolRequest(f"w{len(wishes)}{n}", name, given) for n, (name, given) in enumerate(asked))
            return Turn("", requests, stop="tool_calls")

        mail.script(script)
        message = mail.receive("Is my ticket done?", "customer")
        before = set(ToolCall.objects.values_list("pk", flat=True))
        zendesk.requests()
        zendesk.script("GET /api/v2/", "stall", seconds=9, times=20)

        def elsewhere() -> tuple[float, int, str]:
            try:
                with tenant_scope(world.globex.pk):
                    time.sleep(0.5)  # the other turn waits by now
                    began = time.monotonic()
                    with selectors.connection("hubspot").open() as client:
                        found = client.search(CUSTOMER)
                    account = ProviderAccount.objects.get(provider="hubspot")
                    took = time.monotonic() - began
                    return took, len(selectors.value_of(found)), breaker_of(account).state().state
            finally:
                connection.close()

        with ThreadPoolExecutor(1) as pool:
            other = pool.submit(elsewhere)
            mail.work(message)
            waited, tickets, breaker = other.result()
        times = list(ToolCall.objects.exclude(pk__in=before).order_by("id").values_list("name", "milliseconds"))
        results = dict(ToolCall.objects.exclude(pk__in=before).order_by("id").values_list("name", "result"))
        assert mail.answers(message.conversation_id)[-1].startswith("I can't reach our ticket system now.")
        assert "error" in results["get_ticket_status"]
        # What was read a moment before answers, and says how old it is.
        assert (results["search_tickets"]["count"], "not_current" in results["search_tickets"]) == (2, True)
        assert "reference" in results["create_ticket"]  # a request needs no answer of the system
        assert "error" in results["add_comment"]
    waits = [milliseconds for name, milliseconds in times if name != "create_ticket"]
    assert (max(waits) >= 2000, sum(waits) < 4000) == (True, True), times
    assert (waited < 2, tickets > 0, breaker) == (True, True, "closed")
    assert len(zendesk.requests()) <= 2  # the two that were asked beside each other
