"""Bodies of worked webhooks are dropped after their time; that they came is kept."""

from datetime import timedelta

from channels_app.models import InboundDelivery
from channels_app.webhooks import deliveries
from conversations.models import Message
from core.clock import now
from core.privacy.retention.services import apply_rule
from tests.channels_app.twilio.conftest import Door, fields, post

KEPT = timedelta(days=30)


def bodies(door: Door) -> list[bool]:
    return [row.body is not None for row in door.rows()]


def forget(door: Door, age: timedelta, limit: int | None = None) -> int:
    """Let one batch go as if it were so much later."""
    with door.inside():
        return apply_rule("webhooks", now=now() + age, limit=limit)


def test_body_is_dropped_after_its_time_and_not_before(door: Door) -> None:
    door.take()
    assert (forget(door, KEPT - timedelta(minutes=1)), bodies(door)) == (0, [True])
    assert (forget(door, KEPT + timedelta(minutes=1)), bodies(door)) == (1, [False])
    assert door.rows()[0].headers == {}
    assert forget(door, KEPT * 2) == 0


def test_repeat_of_a_forgotten_message_is_still_none(door: Door) -> None:
    door.take()
    forget(door, KEPT * 2)
    door.take()
    with door.inside():
        assert (Message.objects.count(), len(door.rows())) == (1, 1)


def test_what_is_not_worked_keeps_its_body(door: Door) -> None:
    post(fields("x" * 5000, 1))
    deliveries.dispatch_due_deliveries()
    post(fields("waiting", 2))
    assert forget(door, KEPT * 10) == 0
    assert {row.state for row in door.rows()} == {InboundDelivery.State.PARKED, InboundDelivery.State.RECEIVED}


def test_all_are_dropped_in_portions(door: Door) -> None:
    for number in range(5):
        post(fields(str(number), number + 1))
    deliveries.dispatch_due_deliveries()
    assert [forget(door, KEPT * 2, limit=2) for _ in range(4)] == [2, 2, 1, 0]
