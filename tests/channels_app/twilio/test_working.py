"""From a stored delivery to a message: once, in order, and never lost."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from agents.models import AgentRun
from channels_app.models import InboundDelivery
from channels_app.webhooks import deliveries
from config.celery import app
from conversations import services
from conversations.models import ContactPoint, Conversation, Message
from core.clock import now
from core.events import live, relay
from core.jobs import dead_letters
from core.models import DeadLetter, Outbox, ReplyWindow
from core.observability import health
from demo.agents import ensure_default_agents
from tests.channels_app.twilio.conftest import Door, fields, post
from tests.world import OPERATOR

LATER = timedelta(hours=1)


def texts() -> list[str]:
    return [message.body for message in Message.objects.order_by("seq")]


def test_stored_message_becomes_a_message_of_a_verified_contact(door: Door) -> None:
    door.take("Olá 😀 & co=1")
    with door.inside():
        message = Message.objects.get()
        point = ContactPoint.objects.get()
    assert (message.body, message.channel_message_id) == ("Olá 😀 & co=1", f"SM{1:032x}")
    assert (point.kind, point.value, point.is_verified) == ("phone", "+34600123456", True)


def test_repeat_of_a_worked_message_is_answered_alike_and_changes_nothing(door: Door) -> None:
    door.take()
    door.take()
    with door.inside():
        assert (Message.objects.count(), Outbox.objects.filter(event="message_received").count()) == (1, 1)


@pytest.mark.slow
def test_messages_of_one_sender_keep_their_order(door: Door) -> None:
    for number in range(1, 30):
        post(fields(str(number), number))
    deliveries.dispatch_due_deliveries()
    with door.inside():
        assert texts() == [str(number) for number in range(1, 30)]


def test_failing_message_holds_back_its_sender_only(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    real = services.receive

    def receive(**facts: Any) -> Message:
        if facts["inbound"].text == "bad":
            raise RuntimeError
        return real(**facts)

    monkeypatch.setattr(services, "receive", receive)
    post(fields("bad", 1))
    post(fields("after bad", 2))
    post(fields("other", 3, From="whatsapp:+34600999888"))
    deliveries.dispatch_due_deliveries()
    with door.inside():
        assert texts() == ["other"]


def test_delivery_that_keeps_failing_is_parked_and_can_be_replayed(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setitem(deliveries._handlers, "twilio", lambda _: 1 / 0)
        post(fields("hard one"))
        for hour in range(deliveries.ATTEMPTS):
            deliveries.dispatch_due_deliveries(now=now() + LATER * (hour + 1))
    with door.inside():
        letter = DeadLetter.objects.get(kind=deliveries.KIND)
        assert (letter.error, [row.state for row in door.rows()]) == ("ZeroDivisionError", ["parked"])
        dead_letters.replay(actor=OPERATOR, dead_letter_id=letter.pk)
        deliveries.dispatch_due_deliveries()
        assert texts() == ["hard one"]


def test_message_that_can_never_be_taken_is_parked_at_once(door: Door) -> None:
    post(fields("x" * 5000))
    deliveries.dispatch_due_deliveries()
    assert [(row.state, row.error) for row in door.rows()] == [("parked", "too_long")]


def test_parked_message_does_not_hold_back_the_next(door: Door) -> None:
    post(fields("x" * 5000, 1))
    door.take("next", 2)
    with door.inside():
        assert texts() == ["next"]


def test_those_that_wait_for_another_try_take_no_place_of_a_fresh_one(door: Door) -> None:
    waiting = deliveries.BATCH + 5
    for number in range(1, waiting + 3):
        post(fields(str(number), number, From=f"whatsapp:+3460012{number:04}"))
    old = [row.pk for row in door.rows()][:waiting]
    with door.inside():
        InboundDelivery.objects.filter(pk__in=old).update(attempts=1)
    # The new ones first, then one retry at a time.
    claims = [deliveries.claim(now()), deliveries.claim(now(), limit=0), deliveries.claim(now())]
    assert [[one.attempts for one in claimed] for claimed in claims] == [[1, 1], [2], [2]]


def test_retry_loses_no_attempt_to_a_worker_that_dies_at_a_new_one(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    class Died(BaseException):
        """The process ends here."""

    def die(delivery: InboundDelivery) -> None:
        raise Died

    post(fields("again", 1, From="whatsapp:+34600999888"))
    with door.inside():
        InboundDelivery.objects.update(attempts=1)
    post(fields("new", 2))
    with monkeypatch.context() as patch:
        patch.setitem(deliveries._handlers, "twilio", die)
        with pytest.raises(Died):
            deliveries.dispatch_due_deliveries()
    assert [row.attempts for row in door.rows()] == [1, 1]
    deliveries.dispatch_due_deliveries()
    assert [row.state for row in door.rows()] == ["done", "received"]


@pytest.fixture
def eager() -> Iterator[None]:
    """Tasks run where they are queued."""
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False


@pytest.mark.slow
def test_burst_that_is_stored_before_it_is_worked_has_one_answer(open_door: Door, eager: None) -> None:
    with open_door.inside():
        ensure_default_agents()
    for number, text in enumerate(("Raise the daily budget", "of Summer Sale", "to 900")):
        post(fields(text, number))
    for _ in range(3):
        # The three are received one by one, as on a busy machine, and each is announced before the next is.
        (claimed,) = deliveries.claim(now())
        with open_door.inside():
            assert not Message.objects.filter(direction="out").exists()
            deliveries.dispatch_deliveries([claimed.delivery_id])
        live.flush(20)
        relay.relay()
    live.flush(20)
    with open_door.inside():
        run = AgentRun.objects.get()
        assert (run.generation, run.state) == (3, "finished")
        assert Message.objects.filter(direction="out", sender_type="agent").count() == 1


def test_reply_window_begins_when_the_message_arrived(door: Door) -> None:
    post(fields())
    arrived = now() - LATER
    with door.inside():
        InboundDelivery.objects.update(received_at=arrived)
    deliveries.dispatch_due_deliveries()
    with door.inside():
        assert ReplyWindow.objects.get().wrote_at == arrived


def test_delivery_whose_worker_died_is_claimed_again_after_the_lease(door: Door) -> None:
    post(fields("survivor"))
    assert len(deliveries.claim(now())) == 1
    assert deliveries.claim(now()) == []
    deliveries.dispatch_due_deliveries(now=now() + deliveries.LEASE * 2)
    with door.inside():
        assert texts() == ["survivor"]


def test_oldest_delivery_is_a_gauge(door: Door) -> None:
    post(fields())
    with door.inside():
        InboundDelivery.objects.update(received_at=now() - LATER)
    values = {gauge.name: value for gauge, value in health.read_gauges()}
    assert values["walker_inbound_oldest_seconds"] == pytest.approx(3600, abs=5)


def test_sender_without_a_phone_number_is_a_contact_by_his_id(door: Door) -> None:
    door.take(From="whatsapp:DE.a1B2c3", WaId="", ExternalUserId="whatsapp:DE.a1B2c3")
    with door.inside():
        assert ContactPoint.objects.values_list("kind", flat=True).get() == "bsuid"


def test_sender_who_hides_his_number_later_is_the_same_contact(door: Door) -> None:
    door.take("with number", 1, ExternalUserId="whatsapp:DE.a1B2c3")
    door.take("without", 2, From="whatsapp:DE.a1B2c3", WaId="", ExternalUserId="whatsapp:DE.a1B2c3")
    with door.inside():
        assert (Conversation.objects.count(), sorted(ContactPoint.objects.values_list("kind", flat=True))) == (
            1,
            ["bsuid", "phone"],
        )


def test_sender_who_shows_his_number_later_is_the_same_contact(door: Door) -> None:
    door.take("without", 1, From="whatsapp:DE.a1B2c3", WaId="", ExternalUserId="whatsapp:DE.a1B2c3")
    door.take("with number", 2, ExternalUserId="whatsapp:DE.a1B2c3")
    with door.inside():
        assert Conversation.objects.count() == 1


def test_colleague_is_known_by_his_number(door: Door) -> None:
    from conversations.types import SenderIdentity

    marketer = door.world.people["support"]
    with door.inside():
        sender = SenderIdentity(kind="phone", value="+34 600 123 456", verified=True, user_id=marketer.pk)
        services.introduce(actor=OPERATOR, sender=sender)
    door.take()
    with door.inside():
        assert Conversation.objects.get().contact.user_id == marketer.pk


def test_event_without_a_sender_is_parked(door: Door) -> None:
    door.take(From="", MessageSid="")
    assert [(row.state, row.error) for row in door.rows()] == [("parked", "no_sender")]


@pytest.mark.parametrize("word", ["something_new", "queued", "accepted", "sending"])
def test_reports_that_say_nothing_new_are_done(door: Door, word: str) -> None:
    door.take(MessageStatus=word, From=fields()["To"], To=fields()["From"])
    assert [row.state for row in door.rows()] == ["done"]


@pytest.mark.slow
def test_fifty_parallel_copies_are_one_message(open_door: Door) -> None:
    def send(_: int) -> tuple[int, bytes]:
        try:
            answer = post(fields("just once"))
            deliveries.dispatch_due_deliveries()
            return answer.status_code, answer.content
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        answers = set(pool.map(send, range(50)))
    with open_door.inside():
        assert (len(answers), Message.objects.count(), len(open_door.rows())) == (1, 1, 1)
        assert Outbox.objects.filter(event="message_received").count() == 1


@pytest.mark.slow
def test_many_workers_keep_each_senders_order(open_door: Door) -> None:
    for number in range(1, 41):
        post(fields(str(number), number, From=f"whatsapp:+3460012345{number % 4}"))

    def drain(_: int) -> None:
        try:
            deliveries.dispatch_due_deliveries()
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(drain, range(6)))
    deliveries.dispatch_due_deliveries()
    with open_door.inside():
        for conversation in Conversation.objects.all():
            seen = [int(message.body) for message in conversation.messages.order_by("seq")]
            assert seen == sorted(seen)
        assert Message.objects.count() == 40


def test_fields_survive_any_bytes(door: Door) -> None:
    post(fields("\x00 ÿ \ufffe 😀"))
    deliveries.dispatch_due_deliveries()
    assert [row.state for row in door.rows()] == ["done"]
