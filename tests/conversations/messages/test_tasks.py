"""The worker's part: due deliveries are found by the sweep, and the list hears of new messages."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from config.celery import app
from conversations import gauges, services, tasks
from conversations.models import Message
from conversations.services import Draft
from core.clock import at, now
from core.events import streams
from core.tenancy.scope import NOTHING, _enter
from tests.conversations.conftest import AGENT, ScriptedTransport, Shop

Script = type[ScriptedTransport]


@pytest.fixture(autouse=True)
def _at_once() -> Iterator[None]:
    """Run tasks where they are called."""
    before = app.conf.task_always_eager, app.conf.task_eager_propagates
    app.conf.task_always_eager = app.conf.task_eager_propagates = True
    yield
    app.conf.task_always_eager, app.conf.task_eager_propagates = before


@pytest.fixture
def forgotten(shop: Shop, transport: Script) -> Message:
    """A queued reply whose task never came."""
    asked = shop.call()
    return services.reply(actor=AGENT, conversation_id=asked.conversation_id, draft=Draft(text="Hi"))


def sweep(seconds: int) -> None:
    with _enter(NOTHING), at(now() + timedelta(seconds=seconds)):
        tasks.sweep_deliveries()


def test_sweep_delivers_what_was_forgotten(forgotten: Message) -> None:
    sweep(10)
    assert Message.objects.get(pk=forgotten.pk).status == "sent"


def test_sweep_leaves_the_newest_to_their_own_task(forgotten: Message) -> None:
    sweep(0)
    assert Message.objects.get(pk=forgotten.pk).status == "queued"


def test_health_page_knows_how_long_a_delivery_has_been_due(forgotten: Message) -> None:
    assert gauges.oldest_due_delivery() < 5
    with at(now() + timedelta(seconds=90)):
        assert 85 < gauges.oldest_due_delivery() < 95


def test_committed_reply_wakes_its_delivery(
    shop: Shop, transport: Script, django_capture_on_commit_callbacks: type
) -> None:
    asked = shop.call()
    with django_capture_on_commit_callbacks(execute=True):
        reply = services.reply(actor=AGENT, conversation_id=asked.conversation_id, draft=Draft(text="Hi"))
    assert Message.objects.get(pk=reply.pk).status == "sent"


def test_list_is_told_about_a_message(shop: Shop) -> None:
    message = shop.write()
    services.publish_activity(conversation_ids=[message.conversation_id])
    event = streams.read("inbox", 0)[-1]
    assert (event.type, event.payload["unread"]) == ("message_received", True)
