"""The chat socket: storing once, catching up, and refusing what is not the guest's."""

import asyncio
from datetime import datetime, timedelta
from signal import SIGCONT, SIGSTOP
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from channels.layers import channel_layers
from pytest_django import Settings

from channels_app.sockets import connection
from channels_app.web_chat import consumer, event_stream
from channels_app.web_chat import conversation as chat_data
from channels_app.web_chat.settings.limits import Bucket
from conversations import services
from conversations.inbox.teams import teams
from conversations.models import Conversation, Message, Survey
from conversations.services import Draft
from conversations.surveys import surveys
from core import actors
from core.clock import now
from core.events import live, streams
from core.models import StreamEvent
from core.tenancy.models import tenant_scope
from tests.channels_app.conftest import Line, OwnRedis, Widgets, session_of
from tests.world import World

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]


@sync_to_async
def count(world: World) -> int:
    with tenant_scope(world.acme.pk):
        return Message.objects.count()


@sync_to_async
def answer(world: World, conversation: str, text: str) -> int:
    with tenant_scope(world.acme.pk):
        sent = services.reply(actor=actors.system("tests"), conversation_id=conversation, draft=Draft(text=text))  # type: ignore[arg-type]
        return int(sent.seq)


async def test_message_is_confirmed_under_the_clients_id(chat: Any, live_widgets: Widgets) -> None:
    line = await chat(live_widgets.acme)
    known = uuid4()
    frame = await line.send("Hello, mail me at ann@example.com", known)
    assert (frame["id"], frame["content"]) == (str(known), "Hello, mail me at ann@example.com")
    assert frame["seq"] > 0


async def test_message_repeated_is_stored_once(chat: Any, committed_world: World, live_widgets: Widgets) -> None:
    line = await chat(live_widgets.acme)
    known = uuid4()
    first, again = [await line.send("Hello", known) for _ in range(2)]
    assert first["seq"] == again["seq"]
    assert await count(committed_world) == 1


async def test_id_used_for_another_text_is_refused(chat: Any, committed_world: World, live_widgets: Widgets) -> None:
    line = await chat(live_widgets.acme)
    known = uuid4()
    await line.send("Hello", known)
    await line.say({"type": "send_message", "id": str(known), "message": "Goodbye"})
    refusal = await line.hear_type("error")
    assert (refusal["code"], refusal["id"]) == ("id_reused", str(known))
    assert await count(committed_world) == 1


@pytest.mark.slow
async def test_message_repeated_after_reconnecting_is_stored_once(
    chat: Any, committed_world: World, live_widgets: Widgets
) -> None:
    line = await chat(live_widgets.acme)
    known = uuid4()
    await line.send("Hello", known)
    await line.socket.disconnect()
    back = await chat(live_widgets.acme, visitor=line.visitor)
    await back.send("Hello", known)
    assert await count(committed_world) == 1


@sync_to_async
def survey_of(world: World, line: Line) -> Survey:
    """Close the line's conversation and ask how it was."""
    with tenant_scope(world.acme.pk):
        talk = Conversation.objects.latest("id")
        settings = teams.TeamSettings(name=f"Care {talk.pk}", is_default=True, survey="always")
        teams.create_team(actor=world.actor("admin"), settings=settings)
        services.close(actor=world.actor("support"), conversation_id=talk.pk, resolved=True)
        survey = Survey.objects.get(conversation=talk)
        surveys.ask_survey(actor=actors.system("tests"), survey_id=survey.pk)
        return survey


@sync_to_async
def rating(survey: Survey) -> tuple[Any, ...]:
    with tenant_scope(survey.tenant_id):
        survey.refresh_from_db()
        return survey.rating, survey.comment, survey.way


@sync_to_async
def stored_events(world: World, survey: Survey) -> str:
    with tenant_scope(world.acme.pk):
        return str(
            list(StreamEvent.objects.filter(stream=survey.conversation.stream).values_list("payload", flat=True))
        )


@pytest.mark.slow
async def test_survey_is_answered_by_its_visitor_alone_and_every_page_hears_it(
    chat: Any, committed_world: World, live_widgets: Widgets
) -> None:
    line = await chat(live_widgets.acme)
    await line.send("Hello")
    survey = await survey_of(committed_world, line)
    question = await line.hear_type("agent_response")
    assert (question["metadata"]["survey"], question["content"]) == (str(survey.pk), "How did we do?")
    other = await chat(live_widgets.acme)
    await other.send("Hi")
    for frame, code in (
        ({"survey": str(survey.pk), "rating": 1}, "not_found"),
        ({"survey": str(uuid4()), "rating": 1}, "not_found"),
    ):
        await other.say({"type": "rate", **frame})
        assert (await other.hear_type("error"))["code"] == code
    await line.say({"type": "rate", "survey": str(survey.pk), "rating": 9})
    assert (await line.hear_type("error"))["code"] == "invalid"
    assert await rating(survey) == (None, "", "")
    await line.say({"type": "rate", "survey": str(survey.pk), "rating": 4})
    await line.say({"type": "rate", "survey": str(survey.pk), "rating": 4, "comment": "Quick"})
    heard = await line.hear_type("survey_rated")
    assert (heard["survey"], heard["rating"]) == (str(survey.pk), 4)
    assert (await line.hear_type("survey_rated"))["comment"] == "Quick"
    assert "Quick" not in await stored_events(committed_world, survey)
    await line.say({"type": "rate", "survey": str(survey.pk), "rating": 1, "seen": 0})
    assert (await line.hear_type("error"))["code"] == "answered_meanwhile"
    assert await rating(survey) == (4, "Quick", "widget")
    back = await chat(live_widgets.acme, visitor=line.visitor)
    await back.say({"type": "resume", "after": 10**6})
    shown = (await back.hear_type("snapshot"))["messages"]
    rated = [row for row in shown if row["type"] == "survey_rated"]
    assert [(row["rating"], row["commented"], row.get("comment")) for row in rated] == [
        (4, False, None),
        (4, True, "Quick"),
    ]
    assert datetime.fromisoformat(rated[-1]["until"]) - now() > timedelta(hours=23)


async def test_message_at_the_limit_arrives_whole(chat: Any, live_widgets: Widgets) -> None:
    line = await chat(live_widgets.acme)
    assert (await line.send("🙂" * 4096))["content"] == "🙂" * 4096


async def test_third_bad_frame_closes_the_line(chat: Any, live_widgets: Widgets) -> None:
    line = await chat(live_widgets.acme)
    codes = []
    for text in ("{", '{"type": "drop"}', "[]"):
        await line.say(text)
        codes.append((await line.hear())["code"])
    assert codes == ["bad_frame", "unknown_type", "bad_frame"]
    assert await line.close_code() == 4400


async def test_flood_is_refused_and_then_cut_off(
    chat: Any, live_widgets: Widgets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "FLOOD", Bucket(size=2, seconds=60))
    line = await chat(live_widgets.acme)
    for _ in range(2 + consumer.REFUSALS):
        await line.say({"type": "send_message", "id": str(uuid4()), "message": "x"})
    assert (await line.hear_type("error"))["code"] == "too_many"
    assert await line.close_code() == 4429


# ---- numbers, hints and gaps


@pytest.mark.slow
async def test_answer_arrives_by_its_hint(chat: Any, committed_world: World, live_widgets: Widgets) -> None:
    line = await chat(live_widgets.acme)
    await line.send("Hello")
    conversation = (await place(line, live_widgets))["conversation"]
    seq = await answer(committed_world, conversation, "Good day")
    frame = await line.hear_type("agent_response", timeout=3)
    assert (frame["seq"], frame["content"]) == (seq, "Good day")


async def place(line: Line, widgets: Widgets) -> dict[str, str]:
    session = await sync_to_async(session_of)(widgets.acme, visitor=line.visitor)  # type: ignore[attr-defined]
    with tenant_scope(widgets.acme.tenant_id):
        found = await sync_to_async(chat_data.find_place)(session.guest)
    assert found is not None
    return {"conversation": str(found.conversation_id)}


@pytest.mark.slow
async def test_answer_whose_hint_is_lost_is_read_by_the_poll(
    chat: Any, committed_world: World, live_widgets: Widgets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "POLL_EVERY", 0.2)
    line = await chat(live_widgets.acme)
    await line.send("Hello")
    monkeypatch.setattr(live, "post", lambda *_: None)
    await answer(committed_world, (await place(line, live_widgets))["conversation"], "Still here")
    assert (await line.hear_type("agent_response", timeout=3))["content"] == "Still here"


@pytest.mark.slow
async def test_resume_sends_what_was_missed_in_order(chat: Any, committed_world: World, live_widgets: Widgets) -> None:
    line = await chat(live_widgets.acme)
    first = await line.send("Hello")
    await line.socket.disconnect()
    where = (await place(line, live_widgets))["conversation"]
    sent = [await answer(committed_world, where, f"Answer {n}") for n in range(3)]
    back = await chat(live_widgets.acme, visitor=line.visitor)
    assert back.connected["conversation"] == where
    await back.say({"type": "resume", "after": first["seq"]})
    assert [(await back.hear_type("agent_response"))["seq"] for _ in range(3)] == sent


@pytest.mark.slow
async def test_resume_from_before_what_is_kept_gets_a_snapshot(
    chat: Any, committed_world: World, live_widgets: Widgets
) -> None:
    line = await chat(live_widgets.acme)
    for text in ("one", "two", "three"):
        await line.send(text)
    with tenant_scope(committed_world.acme.pk):
        await StreamEvent.objects.filter(seq__lte=2, stream__startswith="conversation:").adelete()
    await line.say({"type": "resume", "after": 1})
    assert [row["content"] for row in (await line.hear_type("snapshot"))["messages"]] == ["one", "two", "three"]


@pytest.mark.slow
@pytest.mark.parametrize("after", [10_000, 0])
async def test_resume_beyond_reason_gets_a_snapshot(
    chat: Any, live_widgets: Widgets, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    monkeypatch.setattr(chat_data, "SNAPSHOT_ABOVE", 1)
    line = await chat(live_widgets.acme)
    for text in ("one", "two", "three"):
        await line.send(text)
    await line.say({"type": "resume", "after": after})
    shown = await line.hear_type("snapshot")
    assert [message["content"] for message in shown["messages"]] == ["one", "two", "three"]
    assert shown["seq"] == shown["messages"][-1]["seq"]


async def test_passing_frames_come_through_until_stopped(
    chat: Any, committed_world: World, live_widgets: Widgets
) -> None:
    line = await chat(live_widgets.acme)
    await line.send("Hello")
    stream = f"conversation:{(await place(line, live_widgets))['conversation']}"
    with tenant_scope(committed_world.acme.pk):
        await sync_to_async(streams.transient)(stream, "agent_typing", {"value": True, "run": "1"})
        assert (await line.hear_type("agent_typing"))["value"] is True
        await line.say({"type": "stop"})
        assert (await line.hear_type("agent_typing"))["value"] is False
        await sync_to_async(streams.transient)(stream, "agent_delta", {"content": "late", "run": "1"})
        await sync_to_async(streams.transient)(stream, "agent_delta", {"content": "new", "run": "2"})
    assert (await line.hear())["content"] == "new"


async def test_read_marks_the_answers_as_read(chat: Any, committed_world: World, live_widgets: Widgets) -> None:
    line = await chat(live_widgets.acme)
    await line.send("Hello")
    seq = await answer(committed_world, (await place(line, live_widgets))["conversation"], "Hi")
    await line.say({"type": "read", "seq": seq})
    assert (await line.hear_type("message_status"))["status"] == "read"


# ---- whose it is


@pytest.mark.slow
async def test_two_visitors_never_hear_each_other(chat: Any, committed_world: World, live_widgets: Widgets) -> None:
    one, other = await chat(live_widgets.acme), await chat(live_widgets.acme)
    await one.send("mine")
    assert other.connected["conversation"] is None
    await other.say({"type": "resume", "after": 0})
    assert await other.socket.receive_nothing(timeout=0.3)


@pytest.mark.slow
async def test_conversation_of_another_tenant_in_a_frame_changes_nothing(
    chat: Any, committed_world: World, live_widgets: Widgets
) -> None:
    foreign = await chat(live_widgets.globex)
    await foreign.send("theirs")
    line = await chat(live_widgets.acme)
    await line.say({"type": "resume", "after": 0, "conversation": str(uuid4()), "tenant": "x"})
    await line.send("mine")
    await line.say({"type": "resume", "after": 0})
    assert (await line.hear())["content"] == "mine"
    assert await line.socket.receive_nothing(timeout=0.3)


@pytest.mark.slow
async def test_client_id_of_another_guest_is_a_message_of_ones_own(
    chat: Any, committed_world: World, live_widgets: Widgets
) -> None:
    known = uuid4()
    one, other = await chat(live_widgets.acme), await chat(live_widgets.acme)
    await one.send("first", known)
    assert (await other.send("second", known))["content"] == "second"
    assert await count(committed_world) == 2


async def test_line_hung_up_leaves_no_presence(chat: Any, live_widgets: Widgets) -> None:
    from channels_app.sockets import presence

    line = await chat(live_widgets.acme)
    await line.send("Hello")
    where = (await place(line, live_widgets))["conversation"]
    from uuid import UUID

    assert (await presence.count(live_widgets.acme.tenant_id, UUID(where)))["customer"] == 1
    await line.socket.disconnect()
    assert (await presence.count(live_widgets.acme.tenant_id, UUID(where)))["customer"] == 0


@pytest.mark.slow
async def test_layer_that_is_away_costs_no_message(
    chat: Any, committed_world: World, live_widgets: Widgets, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "POLL_EVERY", 0.2)
    away = {
        "BACKEND": "channels_app.sockets.layer.PatientRedisLayer",
        "CONFIG": {"hosts": [{"address": "redis://127.0.0.1:1"}]},
    }
    settings.CHANNEL_LAYERS = {"default": away}
    channel_layers.backends = {}
    line = await chat(live_widgets.acme)
    await line.send("Hello")
    await answer(committed_world, (await place(line, live_widgets))["conversation"], "Still here")
    assert (await line.hear_type("agent_response"))["content"] == "Still here"


@pytest.mark.slow
async def test_page_without_a_conversation_shows_the_one_that_another_page_begins(
    chat: Any, committed_world: World, live_widgets: Widgets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "POLL_EVERY", 600.0)  # only hints may wake the line
    first = await chat(live_widgets.acme)
    second = await chat(live_widgets.acme, visitor=first.visitor)
    await first.send("Hello")
    assert (await second.hear_type("message_received", timeout=5))["content"] == "Hello"


@pytest.mark.slow
async def test_every_answer_arrives_though_redis_freezes_dies_and_returns(
    chat: Any,
    committed_world: World,
    live_widgets: Widgets,
    settings: Settings,
    own_redis: OwnRedis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_stream, "POLL_EVERY", 600.0)  # hints, or having noticed that some were lost
    monkeypatch.setattr(connection, "SPREAD", 0.0)
    layer = settings.CHANNEL_LAYERS["default"]
    settings.CHANNEL_LAYERS = {"default": {**layer, "CONFIG": {**layer["CONFIG"], "hosts": [own_redis.host]}}}
    channel_layers.backends = {}
    line = await chat(live_widgets.acme)
    await line.send("Hello")
    where = (await place(line, live_widgets))["conversation"]

    async def hears(text: str) -> bool:
        return bool((await line.hear_type("agent_response", timeout=8))["content"] == text)

    own_redis.signal(SIGSTOP)
    await answer(committed_world, where, "While it is frozen")
    await asyncio.sleep(0.3)
    own_redis.signal(SIGCONT)
    assert await hears("While it is frozen")
    own_redis.kill()
    await answer(committed_world, where, "While it is dead")
    late = await chat(live_widgets.acme, visitor=line.visitor)
    await asyncio.sleep(0.3)
    own_redis.start()
    assert await hears("While it is dead")
    await answer(committed_world, where, "Back again")
    assert await hears("Back again")
    assert (await late.hear_type("agent_response", timeout=8))["content"]
    own_redis.kill()
    own_redis.start()
    await answer(committed_world, where, "Restarted at once")
    assert await hears("Restarted at once")
