"""Canaries: names, addresses and words of people are in no event, export, alert, webhook or metric."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from types import SimpleNamespace
from typing import Any
from uuid import UUID
from zipfile import ZipFile

import pytest
from django.test import Client

from accounts.models import Notice
from accounts.permissions.roles import permissions_of
from accounts.privacy.reveals import reveal
from accounts.services import create_api_key
from agents.answering.tool_calls import records
from agents.answering.tools.knowledge import SearchKnowledge
from agents.llm.ports import ToolRequest
from agents.models import AgentRun, ToolCall
from analytics.alerts import evaluate, messages, ready_made, rules
from analytics.alerts.messages import event_of
from analytics.alerts.rules import RuleSettings
from analytics.event_store import store
from analytics.exports import downloads, jobs, work
from analytics.exports.sources import SOURCES
from analytics.figures import consumer
from analytics.models import Alert, AlertMessage, AlertSettings, Export, StoredEvent
from conversations import selectors
from conversations import services as talk
from conversations.contacts import known_people
from conversations.inbox.threads import notes
from conversations.messages.selectors.messages import list_messages
from conversations.models import ChannelAccount, Conversation, Message
from conversations.selectors import names_in_conversation
from conversations.services import Draft
from conversations.types import InboundMessage, SenderIdentity
from core import catalogue, notices
from core.actors import Actor
from core.bus import Event
from core.clock import now
from core.models import AuditEntry, StreamEvent, WebhookDelivery
from hitl.models import ApprovalText
from integrations.outgoing_webhooks import events, services
from integrations.outgoing_webhooks.models import WebhookSubscription
from integrations.outgoing_webhooks.services import EndpointSettings
from tests.console.scene import DOOR, EMAIL, NAME, PHONE, add_workflow, ask, build_scene
from tests.edge.webhook_receiver import Receiver
from tests.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
AGENT = Actor(kind="agent", id=UUID(int=7), name="desk", role="agent")
TALK = "conversations.conversation"
ALERT: dict[str, Any] = {"name": "Busy", "condition": 'events("conversation_opened", 60) > 0 and new_contacts > 0'}
# What customers are called and can be reached by, and words that they wrote.
CANARIES = (
    "García",
    EMAIL,
    PHONE,
    PHONE.replace(" ", ""),
    "611 000 111",
    "611000111",
    "622000222",
    "talk to a person, please",
)


@pytest.fixture
def town(acme: World, receiver: Receiver) -> World:
    """Conversations and requests full of personal data, kept in the store and told to an endpoint of webhooks."""
    services.create_endpoint(actor=acme.actor("owner"), wanted=EndpointSettings("All", receiver.url))
    # It hears of nothing older than itself, and the scene's conversations began earlier.
    WebhookSubscription.objects.update(created_at=now() - timedelta(days=3))
    build_scene(acme)
    told = list(_published())
    assert len(told) > 10
    # What the bus does in a turn, without its wait for the transactions of other tests.
    store.keep(told)
    consumer.receive(told)
    events.take_events(told)
    assert StoredEvent.objects.count() == WebhookDelivery.objects.count() == len(told)
    return acme


def _published() -> Iterator[Event]:
    for row in StreamEvent.objects.filter(version__isnull=False).order_by("id"):
        kind = catalogue.find(row.type)
        assert kind is not None
        payload = kind.publish(row.stream, row.payload)
        yield Event(row.pk, row.type, row.version, row.stream, row.seq, payload, row.created_at, None)


def caught(where: str, text: str) -> list[str]:
    return [f"{canary} in {where}" for canary in CANARIES if canary in text]


def file_of(world: World, export: Export) -> str:
    work.write_export(export_id=export.pk)
    file = downloads.download_export(actor=world.actor("admin"), list_export_id=export.pk)
    raw = b"".join(file.parts)
    if not file.name.endswith(".xlsx"):
        return raw.decode()
    with ZipFile(BytesIO(raw)) as packed:
        return "".join(packed.read(name).decode() for name in packed.namelist())


def test_no_canary_leaves_by_event_export_webhook_alert_or_metric(town: World, settings: Any) -> None:
    admin, found = town.actor("admin"), []
    for event in StoredEvent.objects.all():
        found += caught(f"the event {event.type}", json.dumps(event.payload, ensure_ascii=False) + event.stream)
    for delivery in WebhookDelivery.objects.all():
        found += caught(f"the webhook {delivery.event_type}", str(delivery.body))
    span = {"since": now() - timedelta(days=3), "until": now() + timedelta(days=1)}
    for source in SOURCES.keys():  # noqa: SIM118  (no dict)
        for kind in ("csv", "jsonl", "xlsx"):
            found += caught(f"{source} as {kind}", file_of(town, _request(town, source, kind, **span)))
    AlertSettings.objects.create(ready_made=ready_made.KEYS)
    rules.create_rule(actor=admin, settings=RuleSettings(**ALERT, ways=("notice", "mail", "slack", "pagerduty")))
    evaluate.evaluate()
    alert = Alert.objects.get()
    assert len(alert.facts) == 2
    for message in AlertMessage.objects.all():
        found += caught(f"the alert by {message.way}", messages.title_of(message) + messages.text_of(message))
        messages.send_message(message_id=message.pk)
    found += caught("the alert's webhook", json.dumps(event_of(alert)))
    for notice in Notice.objects.filter(kind=evaluate.NOTICE):
        found += caught("a notice", f"{notice.title} {notice.body}")
    settings.METRICS_TOKEN = "a token of the tests"
    shown = Client().get("/metrics", headers={"Authorization": "Bearer a token of the tests"})
    assert b"walker_bus_lag_seconds" in shown.content
    found += caught("the metrics", shown.content.decode())
    assert found == []
    # The canaries are there: a file in clear has them.
    clear = _request(town, "conversations", "csv", **span, in_clear=True, reason="The regulator asks for it")
    jobs.grant_export(actor=town.actor("compliance"), list_export_id=clear.pk, reason="Checked with legal")
    assert NAME in file_of(town, clear)


def _request(world: World, source: str, format: str, **more: Any) -> Export:
    return jobs.request_export(actor=world.actor("admin"), wanted=jobs.Wanted(source, format, **more))


PERSON, HUSBAND, STREET = "Wilhelmina Abernathy", "Zbigniew Kowalczyk", "48 Juniper Crescent"
SAID = f"hello, {PERSON.lower()} here. Send it to {STREET}, Bristol BS8 2QT, my husband {HUSBAND} signs for it."
HIDDEN = ("wilhelmina", "abernathy", "zbigniew", "kowalczyk", "juniper", "bs8 2qt")
PAGES = (
    *("inbox/?view=all", "conversations/conversation/{conversation}/", "conversations/contact/"),
    *("conversations/contact/{contact}/", "conversations/suggestedreply/", "conversations/survey/"),
    *(
        "hitl/approval/",
        "hitl/approval/{approval}/",
        "agents/openquestion/",
        "agents/agentrun/",
        "agents/agentrun/{run}/",
    ),
    *("inbox/?q=juniper", "inbox/?conversation={conversation}", "accounts/notice/", ""),
)
ENDPOINTS = (
    *("conversations/", "conversations/{conversation}/", "conversations/{conversation}/messages/", "contacts/"),
    *("conversations/{conversation}/notes/", "conversations/{conversation}/summary/", "contacts/{contact}/"),
    *("approvals/", "approvals/{approval}/", "approvals/{approval}/revisions/", "approvals/{approval}/history/"),
    *("open-questions/", "tool-calls/", "agent-runs/", "agent-runs/{run}/why/", "suggested-replies/", "surveys/"),
    *("notices/", "conversations/?q=kowalczyk", "conversations/?q=wilhelmina"),
)


def _plant(world: World) -> dict[str, Any]:
    """Let a person be named, with their address, wherever words of theirs can go; returns what holds them."""
    add_workflow(world)
    line = ChannelAccount.objects.create(kind="whatsapp", provider="twilio", name="Line", address="+34900000000")
    sender = SenderIdentity(kind="phone", value="+34 633 000 333", verified=True, display_name=PERSON)
    said = InboundMessage(channel_account_id=line.pk, sender=sender, text=SAID)
    message = talk.receive(actor=DOOR, inbound=said)
    talk_id, owner = message.conversation_id, world.actor("owner")
    contact = Conversation.objects.get(pk=talk_id).contact_id
    talk.suggest_reply(actor=AGENT, conversation_id=talk_id, text=f"Dear {PERSON}, {SAID}", reason="low_confidence")
    talk.reply(actor=AGENT, conversation_id=talk_id, draft=Draft(text=f"Thanks Wilhelmina! To {STREET}, is it?"))
    notes.add_note(actor=owner, conversation_id=talk_id, text=f"Abernathy moved to {STREET}")
    run = AgentRun.objects.create(conversation_id=talk_id, trigger_ref=message.pk, state="finished")
    request = ToolRequest("one", "search_knowledge", {"question": f"Does {PERSON} live at {STREET}?"})
    call, _ = records.open_call(run, request, 1, is_first=True, is_late=False)
    records.close_call(call, ToolCall.State.DONE, {"found": f"{PERSON}, {STREET}, married to Mr {HUSBAND}"})
    caller = SimpleNamespace(
        conversation_id=talk_id, reads="public", run_id=run.pk, collection_ids=(), asks_judge=False
    )
    SearchKnowledge().call(
        SearchKnowledge.arguments(question=f"Will {SAID} cost more?", before=""), caller=caller, call_id=call.pk
    )  # type: ignore[arg-type]
    named = f"for {PERSON}, {STREET}"
    origin = {"conversation_id": talk_id, "people": names_in_conversation(talk_id)}
    approval = ask(world, params={"campaign": f"Refund {named}"}, origin=origin)
    notices.leave(
        people=[world.people["viewer"].pk],
        kind="mention",
        title=f"My wife {PERSON}",
        body=SAID.partition(". ")[2],
        link="",
    )
    return {"conversation": talk_id, "contact": contact, "run": run.pk, "approval": approval.pk}


def test_name_and_address_are_hidden_on_every_face_until_revealed(acme: World) -> None:
    held = _plant(acme)
    viewer, wrong = Client(), []
    viewer.force_login(acme.people["viewer"], backend="accounts.backends.RoleBackend")
    _, secret = create_api_key(
        actor=acme.actor("owner"), user=acme.people["owner"], name="Looks", scopes=sorted(permissions_of("viewer"))
    )
    keyed = {"Authorization": f"Bearer {secret}"}
    answers = [(f"/admin/{page}".format(**held), {}) for page in PAGES]
    answers += [(f"/api/v1/{path}".format(**held), keyed) for path in ENDPOINTS]
    for path, headers in answers:
        answer = viewer.get(path, headers=headers)
        text = answer.content.decode().casefold()
        # What was asked for stands in the page's own search box.
        text = re.sub(r'value="(?:juniper|wilhelmina)"|[?&]q=\w+|“(?:juniper|wilhelmina)”', "", text)
        wrong += [f"{path}: {answer.status_code}"] if answer.status_code not in (200, 403) else []
        wrong += [f"{path} says {word}" for word in HIDDEN if word in text]
    for event in StreamEvent.objects.all():
        wrong += [f"{event.stream} says {word}" for word in HIDDEN if word in str(event.payload).casefold()]
    for text in ApprovalText.objects.values_list("masked_text", flat=True):
        wrong += [f"a search of requests finds {word}" for word in HIDDEN if word in text.casefold()]
    for words in ("wilhelmina", PERSON, "kowalczyk", "juniper", "wil"):
        wanted = selectors.ConversationFilters(q=words)
        found = selectors.list_conversations(viewer=acme.actor("viewer"), filters=wanted).rows
        wrong += [f"{words} finds the conversation"] if found else []
    assert wrong == []
    owner = acme.actor("owner")
    reveal(
        actor=owner, object_type=TALK, object_id=held["conversation"], fields=["messages"], reason="They asked for it"
    )
    page = list_messages(viewer=owner, conversation_id=held["conversation"], clear=True)
    assert SAID in [row.text for row in page.rows]
    assert AuditEntry.objects.filter(action="PII_ACCESSED", object_id=held["conversation"]).count() == 1


def test_name_that_comes_later_hides_what_was_written_before(acme: World) -> None:
    line = ChannelAccount.objects.create(kind="whatsapp", provider="twilio", name="Line", address="+34900000000")
    sender = SenderIdentity(kind="phone", value="+34 633 000 333", verified=True)
    said = InboundMessage(channel_account_id=line.pk, sender=sender, text="quandt again, any news of my parcel?")
    message = talk.receive(actor=DOOR, inbound=said)
    assert "quandt" in Message.objects.get(pk=message.pk).masked_body
    contact = Conversation.objects.get(pk=message.conversation_id).contact_id
    known_people.revise_contact(actor=acme.actor("owner"), contact_id=contact, name="Ortrud Quandt")
    assert Message.objects.get(pk=message.pk).masked_body == "q••• again, any news of my parcel?"
    # Another name shows nothing of the first.
    known_people.revise_contact(actor=acme.actor("owner"), contact_id=contact, name="Xq Yz")
    assert Message.objects.get(pk=message.pk).masked_body == "q••• again, any news of my parcel?"
