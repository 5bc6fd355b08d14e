"""The whole way of a wish, over the outbox relay and the tasks, and how long it takes."""

from collections.abc import Iterator
from statistics import median, quantiles
from time import perf_counter

import pytest

from agents import services, tasks
from agents.answering.runs.batches import QUIET
from config.celery import app
from core.clock import now
from core.events import live, streams
from core.events.relay import relay
from hitl.models import Approval
from hitl.services import decide, execute
from tests.agents.conftest import Desk

pytestmark = pytest.mark.slow


@pytest.fixture
def eager() -> Iterator[None]:
    """Tasks run where they are queued."""
    app.conf.task_always_eager = app.conf.task_eager_propagates = True
    yield
    app.conf.task_always_eager = app.conf.task_eager_propagates = False


def settle() -> None:
    """Relay until nothing moves any more; the hints' own thread may be relaying too."""
    for _ in range(3):
        live.flush(20)
        relay()
    live.flush(20)


def test_wish_is_asked_signed_done_and_told(live_desk: Desk, eager: None) -> None:
    desk = live_desk
    message = desk.receive("Raise the daily budget of Summer Sale to 900")
    settle()
    approval: Approval = Approval.objects.get()
    approver = desk.world.actor("approver")
    decide(actor=approver, approval_id=approval.pk, verdict="approve", digest=approval.digest)
    execute(approval.pk)
    settle()
    asked, told = desk.answers(message.conversation_id)
    assert f"This needs approval: {approval.reference}" in asked
    assert "is now 900.00 EUR (was 500.00 EUR)" in told
    assert desk.sandbox.campaign()["daily_budget"] == "900.00"
    stream = streams.read(f"conversation:{message.conversation_id}", 0)
    cards = [event for event in stream if event.type.startswith("approval_")]
    assert [(c.type, c.payload["state"]) for c in cards] == [
        ("approval_pending", "pending"),
        ("approval_closed", "executed"),
    ]


def test_announcements_sent_again_change_nothing(live_desk: Desk, eager: None) -> None:
    desk = live_desk
    message = desk.receive("hello")
    settle()
    for _ in range(3):
        tasks.take_message.delay(str(desk.world.acme.pk), str(message.pk))
    assert len(desk.answers(message.conversation_id)) == 1


def seconds_of_turns(desk: Desk) -> list[float]:
    """Return how long each of forty turns took."""
    desk.say("hello")
    times = []
    for number in range(40):
        run = services.take_message(message_id=desk.receive(f"How is Summer Sale doing? {number}").pk)
        assert run is not None
        start = perf_counter()
        services.run_turn(run.pk, now=now() + QUIET)
        times.append(perf_counter() - start)
    return times


@pytest.mark.timed
@pytest.mark.long
def test_lone_message_is_usually_answered_in_half_a_second(live_desk: Desk) -> None:
    assert median(seconds_of_turns(live_desk)) < 0.5


@pytest.mark.long
def test_ninety_five_of_a_hundred_lone_messages_are_answered_in_half_a_second(live_desk: Desk) -> None:
    assert quantiles(seconds_of_turns(live_desk), n=20)[-1] < 0.5
