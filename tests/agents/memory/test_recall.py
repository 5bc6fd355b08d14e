"""A model is given what the contact said about themselves: as data, with placeholders, and only where it is allowed."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.privacy.reveals import reveal
from agents import services
from agents.llm.ports import ANSWER_TOOL, SEARCH_TOOL
from agents.llm.routes.models import ModelCall
from agents.memory.models import ContactFact
from agents.memory.recall import LEAD, NOTED
from agents.models import Agent, AgentRun, AgentVersion
from agents.studio.agents import portability
from agents.studio.trials import turns as trying
from conversations.contacts.known_people import set_contact_fields
from conversations.custom_fields.definitions import FieldSettings, create_custom_field
from conversations.inbox.custom_values import set_conversation_fields
from conversations.models import Message
from core.clock import now
from core.errors import Invalid
from standins.model.server import ModelServer
from tests.agents.conftest import Desk
from tests.agents.knowledge.test_knowledge import article, collection
from tests.agents.llm.routes.test_routes import add, server, use_routes
from tests.console.conftest import Browser

__all__ = ["server"]
pytestmark = [pytest.mark.django_db, pytest.mark.slow]
SAID = "Hello, my name is Quentin, my customer number is K-4711 and call me at +34 600 123 456"


def asked(server: ModelServer) -> str:
    """The newest request that the model got."""
    AgentRun.objects.update(joinable_until=None)
    requests = [{**row, "body": json.loads(row["body"])} for row in server.journal.newest()]
    return json.dumps(requests, ensure_ascii=False)


def lines_of(server: ModelServer) -> int:
    return asked(server).count(LEAD)


def test_proven_contact_is_known_in_the_next_conversation_behind_placeholders(desk: Desk, server: ModelServer) -> None:
    add(server, "Small")
    use_routes()
    desk.say(SAID)
    assert ContactFact.objects.count() == 2
    seen = asked(server)
    assert LEAD in seen
    assert "preferred name: <NAME_1>; customer number: K-4711." in seen
    assert "Quentin" not in seen
    fact = ContactFact.objects.get(kind="preferred_name")
    assert fact.is_proven
    # What a stranger wrote under the same address is not given to the proven one.
    ContactFact.objects.update(is_proven=False)
    before = lines_of(server)
    desk.say("hello again")
    assert lines_of(server) == before


def test_setting_decides_of_whom_it_remembers(desk: Desk, server: ModelServer) -> None:
    add(server, "Small")
    use_routes()
    for memory, role, is_noted, is_given in (
        ("off", "support", False, False),
        ("verified", "visitor-2", True, False),
        ("everyone", "visitor-3", True, True),
        ("verified", "approver", True, True),
    ):
        AgentVersion.objects.update(memory=memory)
        before, rows = lines_of(server), ContactFact.objects.count()
        desk.say("my company is Acme GmbH, how are you?", role)
        assert (ContactFact.objects.count() > rows) == is_noted, memory
        assert (lines_of(server) > before) == is_given, memory


def test_remembered_facts_keep_an_answer_out_of_the_cache(
    desk: Desk, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from standins.model import server as sandbox
    from standins.model.script import Answer

    def look_up(body: dict[str, Any]) -> Answer:
        if body["messages"][-1]["role"] == "tool":
            parts = [{"text": "Within 30 days.", "sources": [1]}]
            return Answer(calls=[(ANSWER_TOOL, {"parts": parts})], end="tool_calls")
        return Answer(calls=[(SEARCH_TOOL, {"question": "return shoes"})], end="tool_calls")

    monkeypatch.setattr(sandbox, "answer_to", look_up)
    article(collection(), "Returns", "You can return shoes within 30 days of delivery.")
    add(server, "Small")
    use_routes()
    question = "Please answer in English, how long can I return shoes?"

    def calls_about(role: str) -> int:
        before = ModelCall.objects.count()
        assert desk.say(question, role).startswith("Within 30 days.")
        return ModelCall.objects.count() - before

    assert [calls_about(role) for role in ("visitor-2", "visitor-3")] == [2, 0]
    AgentVersion.objects.update(memory="everyone")
    assert [calls_about(role) for role in ("visitor-4", "visitor-5")] == [2, 2]
    AgentVersion.objects.update(memory="verified")
    assert calls_about("visitor-6") == 0  # what was kept is still the answer without facts


def test_setting_is_part_of_the_configuration_its_difference_and_its_file(desk: Desk) -> None:
    actor = desk.world.actor("admin")
    setup = services.Setup(name="Desk", memory="everyone")
    made = services.create_agent(actor=actor, type="custom", setup=setup)
    document = portability.export_agent(viewer=actor, agent_id=made.pk)
    assert document["memory"] == "everyone"
    again = portability.import_agent(actor=actor, document={**document, "name": "Again"})
    assert services.setup_of(again).memory == "everyone"
    older = {name: value for name, value in document.items() if name != "memory"}
    assert services.setup_of(portability.import_agent(actor=actor, document=older)).memory == "verified"
    with pytest.raises(Invalid):
        portability.import_agent(actor=actor, document={**document, "memory": "all"})
    services.activate_draft(actor=actor, agent_id=made.pk)
    services.change_agent(actor=actor, agent_id=made.pk, changes={"memory": "off"})
    assert services.setup_of(Agent.objects.get(pk=made.pk)).memory == "off"
    assert Agent.objects.get(pk=made.pk).active_version.memory == "everyone"
    assert set(AgentVersion.objects.filter(agent__is_system=True).values_list("memory", flat=True)) == {"verified"}


def test_trial_notes_nothing(desk: Desk) -> None:
    actor = desk.world.actor("admin")
    made = services.create_agent(actor=actor, type="custom", setup=services.Setup(name="Desk", memory="everyone"))
    trial = trying.start_trial(actor=actor, agent_id=made.pk, speaker="member", text="my name is Quentin")
    trying.answer_turn(turn_id=trial.turns.get().pk)
    assert trying.get_trial(viewer=actor, trial_id=trial.pk).turns.get().answer
    assert not ContactFact.objects.exists()
    assert not Message.objects.exists()


def test_staff_see_correct_and_remove_on_the_pages_and_by_the_api(desk: Desk, browser: Browser) -> None:
    desk.say("Hello, my name is Quentin, my order number is 1001", "visitor")
    desk.say("Sorry, call me Quentin Miles", "visitor")
    contact_id, conversation = desk.conversation.contact_id, desk.conversation.pk
    name = ContactFact.objects.get(kind="preferred_name", superseded_at=None)
    support, viewer = browser("support"), browser("viewer")
    pages = (f"/admin/conversations/contact/{contact_id}/", f"/admin/conversations/conversation/{conversation}/")
    fact = f"/admin/agents/contactfact/{name.pk}/"
    for path in (*pages, fact):
        page = support.get(path).content.decode()
        assert "Q••• M•••" in page, path
        assert "Q•••, until" in page or "Preferred name: Q•••" in page, path
        assert "Quentin" not in page.replace("my name is Quentin", "").replace("call me Quentin Miles", ""), path
        assert f"{pages[1]}?before={Message.objects.get(pk=name.message_id).seq + 1}" in page, path
    assert "What agents remember" not in viewer.get(pages[1]).content.decode()
    assert viewer.get(fact).status_code == 403
    assert support.post(f"{fact}correct/", {"value": "admin"}).status_code == 400
    went = support.post(f"{fact}correct/", {"value": "Quinn"})
    assert went.status_code == 302
    assert "A colleague: " in support.get(went["Location"]).content.decode()
    # The interface: masked, in clear only under a reveal, the kind's choices by their codes.
    api = f"/api/v1/contacts/{contact_id}/facts/"
    rows = support.get(api, {"current": "true"}).json()["results"]
    assert [(row["kind"], row["value"], row["origin"]) for row in rows] == [
        ("preferred_name", "Q•••", "staff"), ("order_number", "1001", "said"),
    ]  # fmt: skip
    assert len(support.get(api, {"current": "false"}).json()["results"]) == 2
    assert support.get(api, {"kind": "company"}).json()["results"] == []
    assert support.get(api, {"show_pii": "true"}).json()["code"] == "no_grant"
    keeper = desk.world.actor("compliance")
    why = "To call the customer back"
    reveal(actor=keeper, object_type="conversations.contact", object_id=contact_id, fields=["contact"], reason=why)
    clear = browser("compliance").get(api, {"show_pii": "true", "current": "true"}).json()["results"]
    assert clear[0]["value"] == "Quinn"
    assert "Quinn" in browser("compliance").get(pages[0]).content.decode()
    assert support.get(f"/api/v1/contacts/{uuid4()}/facts/").status_code == 404
    went = support.post(f"/admin/agents/contactfact/{rows[0]['id']}/remove/", {})
    assert went.status_code == 302
    assert "Preferred name" not in support.get(pages[0]).content.decode()
    assert support.get(f"/admin/agents/contactfact/{rows[0]['id']}/").status_code == 404
    with CaptureQueriesContext(connection) as few:
        support.get(pages[0])
    for number in range(2, 30):
        ContactFact.objects.create(
            contact_id=contact_id, kind="order_number", value=str(number), masked_value=str(number), superseded_at=now()
        )
    with CaptureQueriesContext(connection) as many:
        support.get(pages[0])
    assert len(many) <= len(few)


def test_model_is_given_the_custom_fields_that_agents_may_read_masked_where_personal(
    desk: Desk, server: ModelServer
) -> None:
    add(server, "Small")
    use_routes()
    support = desk.world.actor("support")
    for subject, key, agents_read, is_personal in (
        ("contact", "tier", True, False),
        ("contact", "passport", True, True),
        ("contact", "risk", False, False),
        ("conversation", "order", True, False),
    ):
        create_custom_field(
            actor=desk.world.actor("admin"), subject=subject, key=key, kind="text", is_personal=is_personal,
            settings=FieldSettings(name=key.title(), agents_read=agents_read),
        )  # fmt: skip
    for role, told in (("approver", "Order: AB-7; Passport: •••; Tier: Gold."), ("visitor", "Order: AB-7.")):
        talk = desk.receive("Hello", role).conversation
        values = {"tier": "Gold", "passport": "X123 Quagga", "risk": "Leaves soon"}
        set_contact_fields(actor=support, contact_id=talk.contact_id, values=values)
        set_conversation_fields(actor=support, conversation_id=talk.pk, values={"order": "AB-7"})
        desk.say("What about my order?", role)
        seen = asked(server)
        assert f"{NOTED}{told}" in seen, role
        assert ("Quagga" in seen, "Leaves soon" in seen) == (False, False)
