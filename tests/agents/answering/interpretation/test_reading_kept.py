"""What messages were read as is kept with their conversation, shown, and brings it to the front."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents import tasks
from conversations import selectors, services
from conversations.inbox import states
from conversations.models import Conversation
from conversations.types import Reading
from core.actors import system
from core.errors import Refused
from tests.agents.conftest import Desk
from tests.console.conftest import Browser

OUTAGE = "Our shop is down since today and my order 4711 is lost!"
LEAD = "I want to buy 40 pieces this week. How much is that?"


def test_run_keeps_the_reading_of_its_messages(desk: Desk) -> None:
    desk.say(OUTAGE, "visitor")
    found = desk.conversation
    assert (found.intent, found.language, found.urgency, found.is_urgent) == ("order_status", "en", 65, True)
    assert found.reading["entities"][0] == {"kind": "order", "text": "4711"}
    assert sum(factor["points"] for factor in found.reading["urgency"]) == found.urgency
    desk.say("How much is a tent?", "visitor")
    assert desk.conversation.intent == "price"
    assert desk.conversation.urgency == 65  # nobody has helped yet


def test_message_to_a_person_is_read_too_and_an_older_reading_changes_nothing(desk: Desk) -> None:
    desk.say("Hello", "visitor")
    states.take_over(actor=desk.world.actor("support"), conversation_id=desk.conversation.pk)
    message = desk.receive(LEAD, "visitor")
    tasks.take_message(str(desk.world.acme.pk), str(message.pk))
    found = desk.conversation
    assert (found.lead_level, found.read_seq) == ("hot", message.seq)
    wish = {"conversation_id": found.pk, "reading": Reading("other", "", urgency=0, lead=0, document={})}
    assert not services.record_reading(actor=system("agents"), seq=message.seq, **wish)
    assert desk.conversation.lead_level == "hot"
    with pytest.raises(Refused):
        services.record_reading(actor=desk.world.actor("owner"), seq=message.seq + 1, **wish)


def test_member_is_no_lead(desk: Desk) -> None:
    desk.say(LEAD, "support")
    assert desk.conversation.lead_level == "cold"


def test_reading_is_one_statement_of_a_run(desk: Desk) -> None:
    desk.say("Hello", "visitor")
    with CaptureQueriesContext(connection) as caught:
        desk.say("Are you open on Sunday?", "visitor")
    written = [each["sql"] for each in caught.captured_queries if '"intent" =' in each["sql"]]
    assert len(written) == 1


@pytest.mark.slow
def test_urgent_ones_and_hot_leads_come_first_among_those_that_wait(desk: Desk, browser: Browser) -> None:
    for role, text in (("visitor-2", OUTAGE), ("visitor-3", LEAD), ("visitor-4", "Hello"), ("visitor-5", OUTAGE)):
        desk.say(text, role)
    talks = list(Conversation.objects.order_by("id"))
    agent = system("agents")
    for talk in talks[:3]:
        services.hand_off(actor=agent, conversation_id=talk.pk, reason="asked_for_person")
    pages = "/admin/conversations/conversation/"
    page = browser("support").get("/admin/inbox/?view=waiting").content.decode()
    places = [page.index(f"conversation={talk.pk}") for talk in talks[:3]]
    assert places[0] < places[1] < places[2]
    page = browser("support").get("/admin/inbox/?view=open").content.decode()
    assert page.count(">Urgent<") >= 2
    assert "Hot lead" in page
    only = browser("support").get("/admin/inbox/?view=open&priority=hot").content.decode()
    assert [str(talk.pk) in only for talk in talks] == [False, True, False, False]
    detail = browser("support").get(f"{pages}{talks[0].pk}/").content.decode()
    shown = ("Intent", "Order status", "English", "4711", "Names an outage", "+50", "version 3")
    assert [words for words in shown if words not in detail] == []

    viewer = desk.world.actor("support")
    for filters, expected in (
        ({"urgent": True}, {talks[0].pk, talks[3].pk}),
        ({"lead": "hot"}, {talks[1].pk}),
        ({"lead": "cold", "urgent": True}, {talks[0].pk, talks[3].pk}),
        ({"intent": "greeting"}, {talks[2].pk}),
    ):
        found = selectors.list_conversations(viewer=viewer, filters=selectors.ConversationFilters(**filters))
        assert {row.pk for row in found.rows} == expected, filters
    told = browser("support").get(f"/api/v1/conversations/{talks[0].pk}/").json()
    assert (told["intent"], told["is_urgent"], told["lead"], told["lead_score"]) == ("order_status", True, "cold", 0)
    assert told["reading"]["entities"][0] == {"kind": "order", "text": "4711"}
    assert browser("support").get("/api/v1/conversations/?lead=lukewarm").status_code == 400
