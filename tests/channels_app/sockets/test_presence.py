"""Who is there: counted over tabs, losses and deaths; and nothing is sent where nobody is."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
import redis
from asgiref.sync import sync_to_async
from channels.layers import channel_layers
from django.conf import settings as configured
from pytest_django import Settings

from agents.answering.runs.reply import Speaker
from channels_app.sockets import connection, console, presence
from channels_app.web_chat import event_stream
from core.events import live, streams
from core.ids import uuid7
from core.tenancy.models import tenant_scope
from tests.channels_app.conftest import Line, OwnRedis, Widgets
from tests.channels_app.sockets.test_console_socket import conversation_of, desk, watch
from tests.world import World

__all__ = ["desk", "watch"]
pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True), pytest.mark.slow]


async def hears(line: Line, **counts: int) -> None:
    """Wait until the staff's line says that these are there."""
    while True:
        frame = await line.hear_type("event", timeout=8)
        if frame["event"] == "agent.presence" and frame["payload"].items() >= counts.items():
            return


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every connection look again, and so renew its presence, several times a second."""
    monkeypatch.setattr(console, "POLL_EVERY", 0.2)
    monkeypatch.setattr(event_stream, "POLL_EVERY", 0.2)
    monkeypatch.setattr(connection, "SPREAD", 0.0)


async def test_two_tabs_count_twice_until_one_closes_and_a_dead_one_is_forgotten(
    watch: Any, chat: Any, committed_world: World, live_widgets: Widgets, monkeypatch: pytest.MonkeyPatch, quick: None
) -> None:
    monkeypatch.setattr(presence, "LIFE", 2)
    first, conversation = await conversation_of(chat, live_widgets.acme)
    second = await chat(live_widgets.acme, visitor=first.visitor)  # type: ignore[attr-defined]
    staff = await watch(committed_world.people["support"], f"conversation:{conversation}")
    await hears(staff, customer=2, staff=1)
    await asyncio.sleep(2.2)  # longer than an entry lives that nobody renews
    assert await presence.count(live_widgets.acme.tenant_id, conversation) == {
        "customer": 2,
        "staff": 1,
        "people": [{"person": str(committed_world.people["support"].pk), "name": "Support Acme"}],
    }
    await first.socket.disconnect()
    await hears(staff, customer=1, staff=1)
    await presence.arrive(live_widgets.acme.tenant_id, conversation, "customer", "of a process that is then killed")
    await hears(staff, customer=2, staff=1)
    await hears(staff, customer=1, staff=1)
    await second.socket.disconnect()
    await hears(staff, customer=0, staff=1)


async def test_presence_is_whole_again_after_redis_forgot_it(
    watch: Any,
    chat: Any,
    committed_world: World,
    live_widgets: Widgets,
    settings: Settings,
    own_redis: OwnRedis,
    quick: None,
) -> None:
    layer = settings.CHANNEL_LAYERS["default"]
    settings.CHANNEL_LAYERS = {"default": {**layer, "CONFIG": {**layer["CONFIG"], "hosts": [own_redis.host]}}}
    settings.CACHE_URL = own_redis.host["address"]
    channel_layers.backends = {}
    customer, conversation = await conversation_of(chat, live_widgets.acme)
    staff = await watch(committed_world.people["support"], f"conversation:{conversation}")
    await hears(staff, customer=1, staff=1)
    own_redis.kill()
    assert await presence.count(live_widgets.acme.tenant_id, conversation) == {"customer": 0, "staff": 0, "people": []}
    assert (await customer.send("Is somebody there?"))["content"] == "Is somebody there?"
    own_redis.start()
    second = await chat(live_widgets.acme, visitor=customer.visitor)  # type: ignore[attr-defined]
    await hears(staff, customer=2, staff=1)  # the new one, and those that Redis had forgotten
    await second.socket.disconnect()
    await hears(staff, customer=1, staff=1)
    await customer.say({"type": "typing"})
    while (await staff.hear_type("event"))["event"] != "customer.typing":
        pass


async def test_an_answer_is_typed_for_those_who_listen_and_for_nobody_else(
    chat: Any, committed_world: World, live_widgets: Widgets
) -> None:
    tenant_id = live_widgets.acme.tenant_id
    spy = redis.Redis.from_url(configured.REDIS_URL).pubsub(ignore_subscribe_messages=True)
    spy.psubscribe("*__group__*")  # a pattern is no listener to a group

    def published(answers: Callable[[Speaker], None], conversation: UUID) -> int:
        """Return how many frames Redis carried to the groups of a conversation."""
        while spy.get_message(timeout=0.1):
            pass
        with tenant_scope(tenant_id):
            answers(Speaker(conversation, uuid7()))
            streams.transient(f"conversation-staff:{conversation}", "agent.presence", {})
        assert live.flush()
        found, name = 0, conversation.hex
        while message := spy.get_message(timeout=0.2):
            found += name in message["channel"].decode().replace("-", "")
        return found

    def answer(speaker: Speaker) -> None:
        speaker.typing(True)
        for word in ("Good", "morning", "to", "you"):
            speaker.emit(word * 12)
        speaker.typing(False)

    line, conversation = await conversation_of(chat, live_widgets.acme)
    assert await sync_to_async(published)(answer, uuid7()) == 0
    assert await sync_to_async(published)(answer, conversation) == 1  # frames that wait together go as one
    assert (await line.hear_type("agent_typing"))["value"] is True
    heard = [(await line.hear_type("agent_delta"))["content"] for _ in range(3)]
    assert heard == ["Good" * 12, "morning" * 12, "to" * 12 + "you" * 12]
    await line.socket.disconnect()
    assert await sync_to_async(published)(answer, conversation) == 0
