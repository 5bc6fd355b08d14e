"""Bursts join a run, one run works at a time, and a killed worker's run is done by the next."""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F

from agents import services
from agents.answering.runs import lease
from agents.answering.runs import run as turns
from agents.answering.runs.batches import BURST, QUIET
from agents.answering.runs.reply import answer_id
from agents.llm.ports import Line, ToolRequest, ToolSpec, Turn
from agents.models import AgentRun, AgentRunMessage
from conversations.models import Message
from conversations.services import receive
from conversations.types import InboundMessage
from core.clock import now
from core.ids import uuid7
from core.tenancy.models import tenant_scope
from hitl.models import Approval
from tests.agents.conftest import DOOR, Desk


def take(
    desk: Desk, text: str, role: str = "support", *, now: datetime | None = None, arrived_at: datetime | None = None
) -> AgentRun:
    """Take a message that arrives just now, or arrived before."""
    message = desk.receive(text, role)
    run = services.take_message(message_id=message.pk, arrived_at=arrived_at or now, now=now)
    assert run is not None
    return run


@pytest.mark.slow
def test_messages_before_the_run_starts_are_one_run(desk: Desk) -> None:
    first, second = take(desk, "Raise the daily budget of Summer Sale"), take(desk, "to 900")
    assert first.pk == second.pk
    services.run_turn(first.pk)
    assert Approval.objects.count() == 1
    assert len(desk.answers(desk.conversation.pk)) == 1


def test_later_message_is_a_run_of_its_own(desk: Desk) -> None:
    desk.say("hello")
    first, earlier = desk.last_run, now() - timedelta(minutes=1)
    Message.objects.update(created_at=earlier)
    AgentRun.objects.update(first_message_at=earlier, joinable_until=earlier + QUIET)
    desk.say("hello again")
    assert desk.last_run.pk != first.pk
    assert AgentRunMessage.objects.filter(run=first).count() == 1


def test_message_taken_twice_joins_once(desk: Desk) -> None:
    message = desk.receive("hello")
    runs = [services.take_message(message_id=message.pk) for _ in range(2)]
    assert runs[0] == runs[1]
    assert AgentRunMessage.objects.count() == 1


@pytest.mark.slow
def test_message_during_a_round_voids_its_answer(desk: Desk) -> None:
    late: list[AgentRun] = []

    def script(lines: Sequence[Line], tools: Sequence[ToolSpec]) -> Turn:
        if not late:
            late.append(take(desk, "second"))
        heard = [line.text for line in lines if line.role == "user"]
        return Turn(f"I heard {' and '.join(heard)}")

    desk.script(script)
    assert desk.say("first") == "I heard first and second"
    assert len(desk.answers(desk.conversation.pk)) == 1


@pytest.mark.slow
def test_joined_round_never_asks_twice(desk: Desk) -> None:
    seen: list[int] = []

    def script(lines: Sequence[Line], tools: Sequence[ToolSpec]) -> Turn:
        results = [line for line in lines if line.role == "tool"]
        if not results:
            wish = {"campaign": "Summer Sale", "daily_budget": "900"}
            return Turn("", (ToolRequest("one", "set_campaign_budget", wish),))
        if not seen:
            seen.append(1)
            take(desk, "please")
        return Turn("Asked.")

    desk.script(script)
    answer = desk.say("Raise Summer Sale to 900", agent="paid_ads")
    assert Approval.objects.count() == 1
    assert Approval.objects.get().reference in answer


@pytest.mark.slow
def test_message_shortly_after_the_answer_reopens_the_run(desk: Desk) -> None:
    desk.say("Raise the daily budget of Summer Sale")
    run = take(desk, "to 900")
    assert run.state == AgentRun.State.QUEUED
    services.run_turn(run.pk, now=now() + QUIET)
    assert AgentRun.objects.count() == 1
    assert "BR-" in desk.answers(desk.conversation.pk)[-1]


def test_message_after_the_quiet_time_starts_another_run(desk: Desk) -> None:
    desk.say("hello")
    take(desk, "hello again", now=now() + QUIET + timedelta(seconds=0.1))
    assert AgentRun.objects.count() == 2


@pytest.mark.slow
def test_messages_of_a_burst_that_are_taken_late_are_one_run_with_one_more_answer(desk: Desk) -> None:
    start = now()
    services.run_turn(take(desk, "one", now=start).pk, now=start)
    for number, late in ((2, 20), (1, 21)):  # and in another order than they arrived
        arrived = start + timedelta(seconds=number * 0.7)
        run = take(desk, f"line {number}", arrived_at=arrived, now=start + timedelta(seconds=late))
    assert (AgentRun.objects.count(), run.joinable_until) == (1, start + timedelta(seconds=1.4) + QUIET)
    services.run_turn(run.pk, now=start + timedelta(seconds=21))
    assert len(desk.answers(desk.conversation.pk)) == 2
    # Those that arrived after a pause are no part of it, however soon they are taken.
    other = take(desk, "later", arrived_at=start + timedelta(seconds=3), now=start + timedelta(seconds=21))
    assert other.pk != run.pk


def test_message_that_comes_much_later_than_it_arrived_reopens_no_later_run(desk: Desk) -> None:
    start = now()
    services.run_turn(take(desk, "today", now=start).pk, now=start)
    held = take(desk, "yesterday", arrived_at=start - timedelta(days=1), now=start + timedelta(seconds=1))
    assert (AgentRun.objects.count(), held.first_message_at) == (2, start - timedelta(days=1))


@pytest.mark.slow
def test_answer_waits_for_the_rest_of_its_burst_but_not_for_ever(desk: Desk) -> None:
    start = now()
    services.run_turn(take(desk, "one", now=start).pk, now=start)
    run = take(desk, "two", now=start)
    stuck = desk.receive("three")
    for _ in range(3):
        assert services.run_turn(run.pk, now=start + QUIET * 2) == run.pk
        AgentRun.objects.update(lease_until=start)
    assert len(desk.answers(desk.conversation.pk)) == 1
    services.run_turn(run.pk, now=now() + BURST)
    assert len(desk.answers(desk.conversation.pk)) == 2
    late = services.take_message(message_id=stuck.pk)
    assert late is not None
    assert (late.pk, late.state) == (run.pk, "queued")


def test_burst_ends_eight_seconds_after_its_first_message(desk: Desk) -> None:
    start = now()
    run = take(desk, "one", now=start)
    take(desk, "two", now=start + BURST - timedelta(seconds=0.1))
    run.refresh_from_db()
    assert run.joinable_until == start + BURST


def test_second_run_of_a_conversation_waits_its_turn(desk: Desk) -> None:
    first = take(desk, "one")
    assert lease.claim(first.pk) is not None
    second = AgentRun.objects.create(conversation=desk.conversation, trigger="approval", trigger_ref=first.pk)
    assert lease.claim(second.pk) is None
    assert lease.next_queued(desk.conversation.pk) == second.pk


@pytest.mark.slow
def test_run_of_a_dead_worker_is_due_and_worked_once_more(desk: Desk) -> None:
    run = take(desk, "hello")
    assert lease.claim(run.pk) is not None
    AgentRun.objects.update(lease_until=now() - timedelta(seconds=1))
    assert [row for _, row in lease.list_due()] == [run.pk]
    services.run_turn(run.pk)
    assert len(desk.answers(desk.conversation.pk)) == 1


@pytest.mark.slow
def test_worker_that_lost_its_lease_cannot_answer(desk: Desk) -> None:
    def script(lines: Sequence[Line], tools: Sequence[ToolSpec]) -> Turn:
        AgentRun.objects.update(fence=99)
        return Turn("too late")

    desk.script(script)
    services.run_turn(take(desk, "hello").pk)
    assert desk.answers(desk.conversation.pk) == []


@pytest.mark.slow
def test_worker_killed_after_asking_does_not_ask_again(desk: Desk) -> None:
    run = take(desk, "Raise the daily budget of Summer Sale to 900")

    class Killed(BaseException):
        """As a SIGKILL: nothing of ours runs after it."""

    def die(lines: Sequence[Line], tools: Sequence[ToolSpec]) -> Turn:
        if any(line.role == "tool" for line in lines):
            raise Killed
        wish = {"campaign": "Summer Sale", "daily_budget": "900"}
        return Turn("", (ToolRequest("one", "set_campaign_budget", wish),))

    desk.script(die)
    with pytest.raises(Killed):
        services.run_turn(run.pk)
    AgentRun.objects.update(lease_until=now() - timedelta(seconds=1))
    desk.script(lambda lines, _tools: Turn("Asked." if lines[-1].role == "tool" else "?"))
    services.run_turn(run.pk)
    assert Approval.objects.count() == 1
    assert desk.answers(desk.conversation.pk)[0].startswith("Asked.\n\nThis needs approval")


@pytest.mark.slow
def test_worker_killed_between_answer_and_end_speaks_once(live_desk: Desk) -> None:
    desk = live_desk
    run = take(desk, "hello")

    class Killed(BaseException):
        """As a SIGKILL: nothing of ours runs after it."""

    def die(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if sql.startswith('UPDATE "agents_agentrun"') and '"reply_id" = ' in sql:
            raise Killed
        return execute(sql, *rest)

    with connection.execute_wrapper(die), pytest.raises(Killed):
        services.run_turn(run.pk)
    AgentRun.objects.update(lease_until=now() - timedelta(seconds=1))
    services.run_turn(run.pk)
    assert len(desk.answers(desk.conversation.pk)) == 1


def test_answer_whose_run_forgot_it_is_not_said_again(desk: Desk) -> None:
    run = take(desk, "hello")
    services.run_turn(run.pk)
    AgentRun.objects.update(state="queued", reply_id=None)
    services.run_turn(run.pk)
    assert len(desk.answers(desk.conversation.pk)) == 1
    assert AgentRun.objects.get().reply_id is not None


def test_customer_who_takes_an_answers_id_does_not_silence_it(desk: Desk) -> None:
    run = take(desk, "hello")
    inbound = InboundMessage(
        channel_account_id=desk.account.pk, sender=desk.sender("support"), text="mine", client_id=answer_id(run)
    )
    receive(actor=DOOR, inbound=inbound)
    services.run_turn(run.pk)
    assert len(desk.answers(desk.conversation.pk)) == 1


def test_run_that_kills_every_worker_ends_with_a_person(desk: Desk) -> None:
    run = take(desk, "hello")
    AgentRun.objects.update(fence=turns.MAX_ATTEMPTS + 1)
    services.run_turn(run.pk)
    assert AgentRun.objects.get().error_code == "crashed"
    assert desk.conversation.state == "person"


def together(desk: Desk, works: Sequence[Callable[[], object]]) -> None:
    """Run the works at once, each on its own connection."""
    gate = threading.Barrier(len(works))

    def one(work: Callable[[], object]) -> None:
        with tenant_scope(desk.world.acme.pk):
            gate.wait()
            work()
        connection.close()

    threads = [threading.Thread(target=one, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.slow
def test_twelve_workers_at_once_give_one_answer(live_desk: Desk) -> None:
    desk = live_desk
    run = take(desk, "hello")
    together(desk, [lambda: services.run_turn(run.pk)] * 12)
    assert len(desk.answers(desk.conversation.pk)) == 1


@pytest.mark.slow
def test_messages_at_once_are_one_run_and_all_answered(live_desk: Desk) -> None:
    desk = live_desk
    messages = [desk.receive(f"hello {number}") for number in range(6)]

    def handle(message_id: Any) -> None:
        run = services.take_message(message_id=message_id)
        assert run is not None
        services.run_turn(run.pk)

    together(desk, [lambda m=m: handle(m.pk) for m in messages])  # type: ignore[misc]
    # A run is put back for a moment while more of its burst is on the way.
    until = time.monotonic() + 15
    while AgentRun.objects.filter(state="queued").exists() and time.monotonic() < until:
        for run in AgentRun.objects.filter(state="queued"):
            services.run_turn(run.pk)
        time.sleep(0.1)
    assert AgentRun.objects.count() == 1
    assert not AgentRunMessage.objects.filter(number__gt=F("run__answered")).exists()


@pytest.mark.slow
def test_worker_that_lost_its_run_to_one_that_answered_ends_silently(desk: Desk) -> None:
    def slow(lines: Sequence[Line], tools: Sequence[ToolSpec]) -> Turn:
        desk.script(lambda _lines, _tools: Turn("Second."))
        AgentRun.objects.update(lease_until=now() - lease.LEASE)
        services.run_turn(AgentRun.objects.get().pk)
        return Turn("First.")

    desk.script(slow)
    message = desk.receive("hello")
    run = services.take_message(message_id=message.pk)
    assert run is not None
    services.run_turn(run.pk)
    assert desk.answers(message.conversation_id) == ["Second."]
    assert AgentRun.objects.get().state == "finished"


@pytest.mark.slow
def test_fifty_copies_of_one_message_are_one_run_with_one_answer(live_desk: Desk) -> None:
    desk = live_desk
    inbound = InboundMessage(
        channel_account_id=desk.account.pk, sender=desk.sender("support"), text="Pause Winter Boots", client_id=uuid7()
    )

    def arrive() -> None:
        for _ in range(5):
            run = services.take_message(message_id=receive(actor=DOOR, inbound=inbound).pk)
            assert run is not None
            services.run_turn(run.pk)

    together(desk, [arrive] * 10)
    assert (AgentRun.objects.count(), Approval.objects.count()) == (1, 1)
    assert len(desk.answers(desk.conversation.pk)) == 1


@pytest.mark.slow
def test_burst_delivered_twice_to_two_workers_has_one_answer(live_desk: Desk) -> None:
    desk = live_desk
    ids = [desk.receive(text).pk for text in ("Raise the daily budget", "of Summer Sale", "to 900")]

    def deliver() -> None:
        for message_id in ids * 2:
            services.take_message(message_id=message_id)

    together(desk, [deliver] * 2)
    run = AgentRun.objects.get()
    together(desk, [lambda: services.run_turn(run.pk)] * 2)
    assert len(desk.answers(desk.conversation.pk)) == 1
    assert Approval.objects.get().reference in desk.answers(desk.conversation.pk)[0]


@pytest.mark.slow
def test_what_follows_an_answer_within_the_quiet_time_has_one_more(desk: Desk) -> None:
    start = now()
    services.run_turn(take(desk, "hello", now=start).pk)
    for number in range(1, 5):
        run = take(desk, f"line {number}", now=start + timedelta(seconds=number))
        services.run_turn(run.pk, now=start + timedelta(seconds=number + 1.3))
    services.run_turn(run.pk, now=start + timedelta(seconds=4) + QUIET)
    assert (AgentRun.objects.count(), len(desk.answers(desk.conversation.pk))) == (1, 2)


@pytest.mark.slow
def test_guest_who_writes_on_and_on_has_a_run_every_eight_seconds(desk: Desk) -> None:
    start = now()
    for number in range(60):
        moment = start + timedelta(seconds=number / 2)
        services.run_turn(take(desk, f"line {number}", "visitor", now=moment).pk, now=moment)
    assert 4 <= AgentRun.objects.count() <= 6
    assert desk.conversation.state == "agent"
    assert not AgentRun.objects.exclude(error_code="").exists()


def test_message_after_eight_seconds_of_a_run_under_way_is_the_next_runs(desk: Desk) -> None:
    start = now()
    first = take(desk, "one", now=start - BURST)
    assert lease.claim(first.pk) is not None
    second, third = take(desk, "two", now=start), take(desk, "three", now=start)
    assert second.pk == third.pk != first.pk
    assert AgentRun.objects.get(pk=first.pk).generation == 1


@pytest.mark.slow
def test_guest_who_writes_through_every_round_is_answered_and_keeps_the_agent(desk: Desk) -> None:
    spoken: list[int] = []

    def script(lines: Sequence[Line], tools: Sequence[ToolSpec]) -> Turn:
        spoken.append(1)
        if len(spoken) < 20:
            take(desk, "more", "visitor", now=now() + timedelta(seconds=len(spoken) / 2))
        return Turn("I read you.")

    desk.script(script)
    services.run_turn(take(desk, "one", "visitor").pk)
    assert desk.answers(desk.conversation.pk) == ["I read you."]
    assert desk.conversation.state == "agent"


@pytest.mark.timed
@pytest.mark.slow
def test_lone_message_is_answered_at_once(live_desk: Desk) -> None:
    desk = live_desk
    desk.say("hello")
    start = now()
    desk.say("Pause Winter Boots")
    assert now() - start < QUIET  # for which it would wait if more were expected
