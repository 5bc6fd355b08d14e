"""Who takes a conversation over reads a summary: from what is stored, masked, without a model."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.memory.handover import Asked, Handover, Said, compose
from agents.memory.models import ContactFact
from agents.memory.summary import summarise
from agents.models import AgentRun
from conversations.inbox.states import take_over
from conversations.models import Conversation, Message
from conversations.services import Draft, Sender, reply
from core.errors import NotFound, Refused
from tests.agents.conftest import Desk
from tests.agents.knowledge.test_knowledge import article, collection
from tests.console.conftest import Browser

pytestmark = pytest.mark.slow

NOTHING: dict[str, Any] = {"sources": {}, "requests": (), "unknown": (), "has_draft": False, "facts": ()}


def said(*lines: str) -> list[Said]:
    """Lines such as "customer: hello"."""
    return [Said(uuid4(), *line.split(": ", 1)) for line in lines]


@pytest.mark.timed
def test_polite_messages_are_read_in_linear_time() -> None:
    began = time.process_time()
    assert compose(said(*["customer: " + "thank you " * 19 + "x!"] * 3), **NOTHING).wants
    assert time.process_time() - began < 0.5


def test_summary_is_composed_of_what_counts() -> None:
    lines = said(
        "customer: Hi there!", "customer: Where is my order 1001?", "agent: It is on its way.\n\nAnything else?",
        "customer: Thank you so much", "customer: where is my order  1001?", "customer: " + "Is it late? " * 40,
        "agent: It comes on Monday.", "system: A colleague is coming.", "customer: OK, thanks",
        "customer: Can I return it?", "system: Please wait.",
    )  # fmt: skip
    request = Asked(uuid4(), "BR-1", "Refund of 20.00 EUR", "pending", is_open=True)
    done = Asked(uuid4(), "BR-2", "Refund of 10.00 EUR", "executed", is_open=False)
    found = compose(
        lines,
        sources={lines[2].message_id: ["Delivery", "Delivery", "Returns"]},
        requests=[done, request],
        unknown=["Do you sell tents?"],
        has_draft=True,
        facts=(),
    )
    assert [text[:22] for text in found.wants] == [
        "where is my order 1001",
        "Is it late? Is it late",
        "Can I return it?",
    ]
    assert all(len(text) <= 200 for text in found.wants)
    assert [(answer.text, answer.sources) for answer in found.answered] == [
        ("It is on its way.", ("Delivery", "Returns")), ("It comes on Monday.", ()),
    ]  # fmt: skip
    assert found.unanswered == ("Can I return it?",)
    assert found.open_requests == (request,)
    assert compose([*lines, *said("person: Yes, you can.")], **NOTHING).unanswered == ()
    assert compose(said("customer: hello", "customer: danke!"), **NOTHING).is_empty
    assert compose([], **NOTHING) == Handover((), (), (), (), (), False, ())


@pytest.mark.django_db
def test_person_who_takes_over_sees_the_summary_and_others_no_more_than_they_may(desk: Desk, browser: Browser) -> None:
    article(collection(), "Returns", "You can return shoes within 30 days of delivery.")
    desk.say("Hello, my name is Quentin.")
    AgentRun.objects.update(joinable_until=None)
    desk.say("How many days do I have to return shoes?")
    AgentRun.objects.update(joinable_until=None)
    desk.say("Raise the daily budget of Summer Sale to 900")
    AgentRun.objects.update(joinable_until=None)
    desk.say("Do you sell yellow submarines? Call me at +34 600 123 456")
    chat, support = desk.conversation, desk.world.actor("support")
    found = summarise(viewer=support, conversation_id=chat.pk)
    assert "How many days" in found.wants[0]
    assert len(found.wants) == 3
    assert "600 123" not in str([*found.wants, *found.answered])
    assert ("Returns",) in [answer.sources for answer in found.answered]
    assert [request.state for request in found.requests] == ["pending"]
    assert [(fact.kind, fact.value) for fact in found.facts] == [("preferred_name", "Q•••")]
    page = f"/admin/conversations/conversation/{chat.pk}/"
    api = f"/api/v1/conversations/{chat.pk}/summary/"
    Conversation.objects.update(state="agent", assigned_to=None)
    assert "h-summary" not in browser("support").get(page).content.decode()
    take_over(actor=support, conversation_id=chat.pk)
    shown = browser("support").get(page).content.decode()
    assert all(words in shown for words in ("h-summary", "From Returns.", f"{found.requests[0].reference} isn't"))
    told = browser("support").get(api).json()
    assert ([each["sources"] for each in told["answered"] if each["sources"]], told["requests"][0]["state"]) == (
        [["Returns"]],
        "pending",
    )
    assert told["facts"] == [{"kind": "preferred_name", "value": "Q•••"}]
    # A viewer sees no contacts, and so no facts.
    assert browser("viewer").get(api).json()["facts"] == []
    with pytest.raises(Refused):
        summarise(viewer=support.limited_to(frozenset()), conversation_id=chat.pk)
    with pytest.raises(NotFound):
        summarise(viewer=support, conversation_id=uuid4())
    reply(actor=support, conversation_id=chat.pk, draft=Draft(text="No, sorry.", sender=Sender(type="person")))
    assert summarise(viewer=support, conversation_id=chat.pk).unanswered == ()
    unheard = Message.objects.filter(conversation=chat, direction="out")
    unheard.update(status="failed")
    assert summarise(viewer=support, conversation_id=chat.pk).unanswered, "an answer that didn't arrive answers nothing"
    unheard.update(status="sent")
    with CaptureQueriesContext(connection) as few:
        summarise(viewer=support, conversation_id=chat.pk)
    last = Message.objects.filter(conversation=chat).latest("seq")
    for number in range(60):
        last.pk, last.client_id, last.seq = uuid4(), None, last.seq + 1
        last.save(force_insert=True)
        ContactFact.objects.create(
            contact_id=chat.contact_id,
            kind="company",
            value="x",
            masked_value=str(number),
            superseded_at=last.created_at,
        )
    with CaptureQueriesContext(connection) as many:
        summarise(viewer=support, conversation_id=chat.pk)
    assert len(many) <= len(few) <= 8
