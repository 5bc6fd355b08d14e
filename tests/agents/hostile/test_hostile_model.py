"""A model that streams for ever, lies about tokens, cuts its answers or goes on after a stop harms nobody."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings as project
from django.core.cache import cache
from django.db import connection
from django.db.models.signals import post_save

from agents import services, tasks
from agents.answering.runs import lease
from agents.answering.runs import run as turns
from agents.llm.ports import MOST_TOKENS
from agents.models import AgentRun, AgentVersion, ToolCall
from channels_app.web_chat.consumer import request_stop
from conversations.inbox.states import take_over
from conversations.models import Conversation
from conversations.selectors import stop_key
from conversations.services import close
from core.clock import at, now
from core.tenancy.models import tenant_scope
from hitl.models import Approval
from tests.agents.conftest import Desk
from tests.agents.hostile.hostile_model import BEGIN, WIRES, HostileModel, Piece, Wire, serve

pytestmark = pytest.mark.slow

OPENAI = WIRES[0]
SECRET = "the middle of a sentence that"
RAISE = '{"campaign": "Summer Sale", "daily_budget": "900"}'


@pytest.fixture(params=WIRES, ids=lambda wire: wire.model)
def wire(request: pytest.FixtureRequest) -> Wire:
    found: Wire = request.param
    return found


@pytest.fixture
def model(settings: Any) -> Iterator[HostileModel]:
    import_module("agents.llm.hosted.models")  # takes seconds, which no test is about
    with serve() as server:
        settings.OPENAI_API_KEY = settings.ANTHROPIC_API_KEY = "test-key"
        settings.OPENAI_BASE_URL, settings.ANTHROPIC_BASE_URL = f"{server.url}/v1", server.url
        yield server


def put_behind(wire: Wire) -> None:
    AgentVersion.objects.update(model=wire.model, model_name="m")


def answer(wire: Wire, words: str, reason: str = "stop", **usage: Any) -> bytes:
    return BEGIN + wire.start() + wire.text(words) + wire.end(reason, **usage)


def wish(wire: Wire, arguments: str, name: str = "set_campaign_budget") -> bytes:
    return BEGIN + wire.start() + wire.call(name, arguments) + wire.end("tool_calls")


def for_ever(*pieces: Piece) -> Iterator[Piece]:
    """Repeat for eight seconds, which is for ever in a test, then end as a good answer does."""
    until = time.monotonic() + 8
    while time.monotonic() < until:
        yield from pieces
    yield OPENAI.end("stop")


ENDLESS: dict[str, Callable[[], Iterator[Piece]]] = {
    "words": lambda: iter([BEGIN + OPENAI.start(), *[OPENAI.text("And more. "), 0.05] * 160, OPENAI.end("stop")]),
    "comments": lambda: iter([BEGIN + OPENAI.start(), *[b": still here\n\n", 0.05] * 160, answer(OPENAI, "Hi")[2:]]),
    "headers": lambda: for_ever(b"X-Wait: 1\r\n", 0.05),
    "silence": lambda: iter([BEGIN, 8.0, answer(OPENAI, "Hi")[2:]]),
}


@pytest.mark.parametrize("endless", ENDLESS)
def test_answer_that_does_not_end_is_ended_and_the_customer_gets_a_person(
    desk: Desk, model: HostileModel, monkeypatch: pytest.MonkeyPatch, endless: str
) -> None:
    monkeypatch.setattr(turns, "TURN_SECONDS", 1.0, raising=False)
    put_behind(OPENAI)
    model.play = lambda _number: ENDLESS[endless]()
    began = time.monotonic()
    said = desk.say("hello")
    assert time.monotonic() - began < 3
    assert said.startswith("Sorry")
    assert (desk.last_run.state, desk.last_run.error_code) == (AgentRun.State.FAILED, "too_slow")
    assert (desk.conversation.state, desk.conversation.escalation_reason) == ("person", "too_slow")


def test_calls_without_end_are_ended_by_the_same_deadline(
    desk: Desk, model: HostileModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "TURN_SECONDS", 2.0, raising=False)
    put_behind(OPENAI)
    model.play = lambda number: [1.2, BEGIN, OPENAI.start(), OPENAI.call(f"x{number}", "{}"), OPENAI.end("tool_calls")]
    began = time.monotonic()
    assert desk.say("hello").startswith("Sorry")
    assert time.monotonic() - began < 6
    assert desk.last_run.error_code == "too_slow"
    assert len(model.requests) == 2


@pytest.mark.parametrize("line", [OPENAI.text("x" * 60_000), b": " + b"x" * 60_000 + b"\n", b"x" * 60_000])
def test_answer_larger_than_any_message_is_cut_off(desk: Desk, model: HostileModel, line: bytes) -> None:
    put_behind(OPENAI)
    model.say(BEGIN, *[line] * 1000)
    assert desk.say("hello").startswith("Sorry")
    assert model.sent < 20_000_000


def test_limits_of_the_worker_stand_behind_the_deadline() -> None:
    for task in (tasks.take_message, tasks.work_run, tasks.ask_model):
        assert turns.TURN_SECONDS == 60
        assert turns.TURN_SECONDS < task.soft_time_limit < task.time_limit
        assert task.time_limit < project.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"]


def test_worker_that_may_not_wait_leaves_a_remote_model_to_those_that_may(desk: Desk, model: HostileModel) -> None:
    run = services.take_message(message_id=desk.receive("hello").pk)
    assert run is not None
    put_behind(OPENAI)
    model.say(answer(OPENAI, "Hello there."))
    for _ in range(5):  # it counts as no attempt
        with pytest.raises(services.NeedsModelWorker):
            services.run_turn(run.pk, may_wait=False)
    assert (model.requests, desk.answers(desk.conversation.pk)) == ([], [])
    assert [due for _, due in lease.list_due(now=now() + timedelta(seconds=4))] == [run.pk]
    services.run_turn(run.pk)
    assert desk.answers(desk.conversation.pk) == ["Hello there."]


def test_soft_limit_of_the_worker_ends_in_an_apology_and_a_person(desk: Desk) -> None:
    def script(*_: object) -> Any:
        raise SoftTimeLimitExceeded

    desk.script(script)
    assert desk.say("hello").startswith("Sorry")
    assert (desk.last_run.state, desk.last_run.error_code) == (AgentRun.State.FAILED, "too_slow")
    assert (desk.last_run.lease_until, desk.conversation.state) == (None, "person")


COUNTS = [3_000_000_000, 10**30, 1e40, -5, -(10**12), float("nan"), float("inf"), 1.5, "many", [7], True, None]


def test_count_of_tokens_that_is_no_count_is_kept_within_bounds(desk: Desk, model: HostileModel, wire: Wire) -> None:
    put_behind(wire)
    AgentVersion.objects.update(min_confidence=0)
    for count in COUNTS:
        model.say(answer(wire, f"Hello, your number is {count}.", inputs=count, outputs=count))
        assert desk.say("hello") == f"Hello, your number is {count}."
        run = desk.last_run
        assert run.state == AgentRun.State.FINISHED, count
        assert 0 <= run.input_tokens <= MOST_TOKENS, count
        assert run.output_tokens == MOST_TOKENS if count in COUNTS[:2] else 0 <= run.output_tokens <= MOST_TOKENS, count
        AgentRun.objects.update(joinable_until=None)


def test_counts_of_many_rounds_add_up_to_no_more_than_a_column_holds(desk: Desk, model: HostileModel) -> None:
    put_behind(OPENAI)
    call = BEGIN + OPENAI.start() + OPENAI.call("list_abilities", "{}")
    model.play = lambda number: [
        call + OPENAI.end("tool_calls", inputs=MOST_TOKENS, outputs=1)
        if number == 1
        else answer(OPENAI, "Here you are.", inputs=MOST_TOKENS, outputs=2)
    ]
    with at(now()):  # a busy machine takes longer than a burst does
        assert desk.say("hello") == "Here you are."
        assert (desk.last_run.input_tokens, desk.last_run.output_tokens) == (MOST_TOKENS, 3)
        assert desk.say("and more") == "Here you are."
    assert AgentRun.objects.count() == 1
    assert (desk.last_run.input_tokens, desk.last_run.output_tokens) == (MOST_TOKENS, 5)


@pytest.mark.parametrize("reason", ["", "length", "content_filter"])
def test_cut_answer_is_asked_for_once_more_and_never_sent_as_whole(
    desk: Desk, model: HostileModel, wire: Wire, reason: str
) -> None:
    put_behind(wire)
    cut = BEGIN + wire.start() + wire.text(SECRET) + (wire.end(reason) if reason else b"")
    model.play = lambda number: [cut if number == 1 else answer(wire, "A whole sentence.")]
    assert desk.say("hello") == "A whole sentence."
    assert len(model.requests) == 2
    model.say(cut)
    AgentRun.objects.update(joinable_until=None)
    said = desk.say("hello")
    assert said.startswith("Sorry")
    assert SECRET not in said
    assert len(model.requests) == 4
    assert (desk.last_run.error_code, desk.conversation.escalation_reason) == ("answer_cut", "answer_cut")


@pytest.mark.parametrize("reason", ["", "length"])
def test_call_in_a_cut_answer_is_not_made(desk: Desk, model: HostileModel, wire: Wire, reason: str) -> None:
    put_behind(wire)
    cut = BEGIN + wire.start() + wire.call("set_campaign_budget", RAISE) + (wire.end(reason) if reason else b"")
    model.say(cut)
    assert desk.say("go", agent="paid_ads").startswith("Sorry")
    assert not Approval.objects.exists()
    assert not ToolCall.objects.exists()


TWO_READINGS = [
    '{"campaign": "Summer Sale", "daily_budget": "900", "daily_budget": "90000"}',
    '{"campaign": "Summer Sale", "daily_budget": {"amount": "900", "amount": "90000"}}',
    '{"campaign": "Summer Sale", "daily_budget": [[{"a": 1, "\\u0061": 2}]]}',
    '{"campaign": "Summer\\u0000 Sale", "daily_budget": "900"}',
    '{"campaign": "Summer Sale", "daily_budget": "900", "\\u0000": 1}',
    '{"campaign": ["Summer Sale", {"deep": ["\\u0000"]}], "daily_budget": "900"}',
    '{"campaign": "Summer Sale\\ud800", "daily_budget": "900"}',
    '{"campaign": "Summer Sale", "daily_budget": NaN}',
    '{"campaign": "Summer Sale", "daily_budget": ' + "[" * 5000 + "]" * 5000 + "}",
    '{"campaign": "Summer Sale", "daily_budget": "900"',
    '["Summer Sale", "900"]',
]


def test_arguments_of_two_readings_go_back_to_the_model_as_an_error(
    desk: Desk, model: HostileModel, wire: Wire
) -> None:
    put_behind(wire)
    calls = b"".join(wire.call("set_campaign_budget", raw, n) for n, raw in enumerate(TWO_READINGS))
    model.play = lambda number: [
        BEGIN + wire.start() + calls + wire.end("tool_calls") if number == 1 else answer(wire, "I see.")
    ]
    assert desk.say("go", agent="paid_ads") == "I see."
    assert json.dumps(model.requests[-1]["messages"]).count("bad_arguments") == len(TWO_READINGS)
    assert not Approval.objects.exists()


def test_name_of_a_tool_that_cannot_be_stored_goes_back_to_the_model_as_an_error(
    desk: Desk, model: HostileModel
) -> None:
    put_behind(OPENAI)
    calls = b"".join(OPENAI.call(name, "{}", n) for n, name in enumerate(["drop\0tables", "drop\ud800", "x" * 500]))
    model.play = lambda number: [
        BEGIN + OPENAI.start() + calls + OPENAI.end("tool_calls") if number == 1 else answer(OPENAI, "I see.")
    ]
    assert desk.say("go") == "I see."
    assert json.dumps(model.requests[-1]["messages"]).count("unknown_tool") == 3


def stopped(desk: Desk) -> None:
    async_to_sync(request_stop)(desk.world.acme.pk, desk.conversation.pk)


def taken_over(desk: Desk) -> None:
    take_over(actor=desk.world.actor("support"), conversation_id=desk.conversation.pk)


def closed(desk: Desk) -> None:
    close(actor=desk.world.actor("support"), conversation_id=desk.conversation.pk, resolved=True)


ENDS = [stopped, taken_over, closed]


def elsewhere(desk: Desk, end: Callable[[Desk], None]) -> Callable[[], None]:
    """Return what somebody does in another process while the model streams."""

    def act() -> None:
        with tenant_scope(desk.world.acme.pk):
            end(desk)
        connection.close()

    return act


def begin_again(desk: Desk) -> None:
    """Give the conversation back to the agent, as a new one."""
    cache.delete(stop_key(desk.world.acme.pk, desk.conversation.pk))
    Conversation.objects.update(state="agent", assigned_to=None, resolved=None, closed_at=None)
    AgentRun.objects.update(joinable_until=None)


def test_turn_that_was_ended_says_no_further_word_and_makes_no_further_call(
    live_desk: Desk, model: HostileModel
) -> None:
    desk = live_desk
    put_behind(OPENAI)
    start = BEGIN + OPENAI.start()
    words: list[Piece] = [OPENAI.text("Word after word after word. "), 0.05] * 60
    for end in ENDS:
        model.hung_up.clear()
        model.say(start + OPENAI.text("Hello."), elsewhere(desk, end), *words, OPENAI.end("stop"))
        desk.say_nothing("hello")
        assert model.hung_up.wait(1), end
        assert (desk.last_run.state, desk.last_run.error_code) == ("finished", end.__name__)
        begin_again(desk)
        asked = len(model.requests)
        model.say(start + OPENAI.call("set_campaign_budget", RAISE), elsewhere(desk, end), OPENAI.end("tool_calls"))
        desk.say_nothing("go", agent="paid_ads")
        assert (ToolCall.objects.count(), Approval.objects.count(), len(model.requests) - asked) == (0, 0, 1), end
        begin_again(desk)


@pytest.mark.parametrize("end", ENDS)
def test_model_is_not_asked_again_by_a_turn_that_was_ended(
    desk: Desk, model: HostileModel, request: pytest.FixtureRequest, end: Callable[[Desk], None]
) -> None:
    put_behind(OPENAI)

    def end_after_the_call(instance: ToolCall, **_: Any) -> None:
        if instance.state == ToolCall.State.DONE:
            end(desk)

    post_save.connect(end_after_the_call, sender=ToolCall)
    request.addfinalizer(lambda: post_save.disconnect(end_after_the_call, sender=ToolCall))
    model.say(BEGIN + OPENAI.start() + OPENAI.call("list_abilities", "{}") + OPENAI.end("tool_calls"))
    desk.say_nothing("go")
    assert len(model.requests) == 1
