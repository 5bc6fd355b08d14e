"""Queued messages leave through their transport: attempts, retries, failures, reports."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conversations import services
from conversations.messages import delivery
from conversations.messages.delivery import ATTEMPTS
from conversations.messages.parts import LEASE
from conversations.messages.statuses import BACK_OFF
from conversations.models import DeliveryAttempt, Message
from conversations.services import Draft
from conversations.types import SendResult
from core.actors import Actor
from core.clock import now
from core.errors import NotFound, Refused
from core.models import Outbox, StreamEvent
from core.tenancy.scope import tenant_scope
from tests.conversations.conftest import AGENT, DOOR, ScriptedTransport, Shop

Script = type[ScriptedTransport]
DOWN = SendResult(ok=False, error="timeout")


@pytest.fixture
def queued(shop: Shop, transport: Script) -> Message:
    """A reply that waits for its transport."""
    asked = shop.call()
    return services.reply(actor=AGENT, conversation_id=asked.conversation_id, draft=Draft(text="Hi +34600123456"))


def failures() -> int:
    return Outbox.objects.filter(event="message_failed").count()


def test_delivered_message_goes_in_clear_to_the_contacts_number(queued: Message, transport: Script) -> None:
    transport.answers = [SendResult(ok=True, provider_id="SM7")]
    assert delivery.deliver(message_id=queued.pk) == "sent"
    (sent,) = transport.sent
    assert (sent.recipient.value, sent.text) == ("+34600123456", "Hi +34600123456")


def test_delivered_message_keeps_the_providers_id(queued: Message, transport: Script) -> None:
    transport.answers = [SendResult(ok=True, provider_id="SM7")]
    delivery.deliver(message_id=queued.pk)
    assert Message.objects.get(pk=queued.pk).channel_message_id == "SM7"
    assert DeliveryAttempt.objects.get().outcome == "succeeded"


def test_second_delivery_does_nothing(queued: Message, transport: Script) -> None:
    for _ in range(2):
        delivery.deliver(message_id=queued.pk)
    assert len(transport.sent) == 1


@pytest.mark.parametrize("answer", [DOWN, ConnectionError("refused")])
def test_temporary_failure_is_tried_again_later(
    queued: Message, transport: Script, answer: SendResult | Exception
) -> None:
    transport.answers = [answer]
    start = now()
    delivery.deliver(message_id=queued.pk, now=start)
    kept = Message.objects.get(pk=queued.pk)
    assert (kept.status, kept.next_attempt_at) == ("sending", start + timedelta(seconds=BACK_OFF[0]))


def test_retry_is_a_new_attempt(queued: Message, transport: Script) -> None:
    transport.answers = [DOWN]
    delivery.deliver(message_id=queued.pk)
    assert delivery.deliver(message_id=queued.pk, now=now() + timedelta(minutes=1)) == "sent"
    outcomes = DeliveryAttempt.objects.order_by("number").values_list("number", "outcome")
    assert list(outcomes) == [(1, "failed"), (2, "succeeded")]


def test_calls_of_the_provider_are_told_without_a_word_of_the_message(queued: Message, transport: Script) -> None:
    transport.answers = [SendResult(ok=False, error="Call Ann", http_status=503), ConnectionError("+34600123456")]
    for hours in range(3):
        delivery.deliver(message_id=queued.pk, now=now() + timedelta(hours=hours))
    told = StreamEvent.objects.filter(type="provider_called").order_by("id").values_list("payload", flat=True)
    said = [(each["provider"], each["is_ok"], each["code"], each["status"]) for each in told]
    assert said == [
        ("twilio", False, "other", 503),
        ("twilio", False, "ConnectionError", None),
        ("twilio", True, "", None),
    ]
    assert all(each["milliseconds"] >= 0 for each in told)
    assert "Ann" not in str(list(told))
    assert "34600123456" not in str(list(told))


def test_sending_asks_for_one_statement_with_all_its_events(queued: Message, transport: Script) -> None:
    with CaptureQueriesContext(connection) as asked:
        assert delivery.deliver(message_id=queued.pk) == "sent"
    written = [each["sql"] for each in asked if "insert into core_streamevent" in each["sql"]]
    assert len(written) == 1, written
    assert "provider_called" in written[0]


def test_retry_is_not_made_before_its_time(queued: Message, transport: Script) -> None:
    transport.answers = [SendResult(ok=False, retry_after=90)]
    start = now()
    delivery.deliver(message_id=queued.pk, now=start)
    assert delivery.deliver(message_id=queued.pk, now=start + timedelta(seconds=80)) == ""


def test_permanent_failure_ends_it_and_is_announced(queued: Message, transport: Script) -> None:
    transport.answers = [SendResult(ok=False, error="21610", permanent=True)]
    assert delivery.deliver(message_id=queued.pk) == "failed"
    assert failures() == 1


def test_last_attempt_ends_it(queued: Message, transport: Script) -> None:
    transport.answers = [DOWN] * ATTEMPTS
    for hours in range(ATTEMPTS):
        status = delivery.deliver(message_id=queued.pk, now=now() + timedelta(hours=hours))
    assert (status, failures()) == ("failed", 1)


def test_attempt_that_was_cut_off_is_repeated_after_its_lease(queued: Message, transport: Script) -> None:
    transport.answers = [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        delivery.deliver(message_id=queued.pk)
    delivery.deliver(message_id=queued.pk, now=now() + LEASE * 2)
    outcomes = DeliveryAttempt.objects.order_by("number").values_list("outcome", flat=True)
    assert list(outcomes) == ["unknown", "succeeded"]


def test_later_message_waits_for_the_one_before(queued: Message, transport: Script) -> None:
    later = services.reply(actor=AGENT, conversation_id=queued.conversation_id, draft=Draft(text="Second"))
    assert delivery.deliver(message_id=later.pk) == ""
    delivery.deliver(message_id=queued.pk)
    assert delivery.deliver(message_id=later.pk) == "sent"


def test_contact_without_an_address_on_the_channel_is_an_error_of_the_attempt(
    queued: Message, transport: Script
) -> None:
    queued.conversation.contact.points.all().delete()
    delivery.deliver(message_id=queued.pk)
    assert DeliveryAttempt.objects.get().error == "no_address"


@pytest.mark.parametrize(
    ("reports", "status"),
    [
        (["delivered", "sent"], "delivered"),
        (["read", "delivered", "failed"], "read"),
        (["failed", "delivered"], "failed"),
        (["sent", "failed"], "failed"),
    ],
)
def test_reports_move_the_status_forward_only(
    queued: Message, transport: Script, reports: list[str], status: str
) -> None:
    delivery.deliver(message_id=queued.pk)
    for report in reports:
        services.record_status(actor=DOOR, message_id=queued.pk, status=report)
    assert Message.objects.get(pk=queued.pk).status == status


def test_report_is_found_by_the_providers_id(queued: Message, transport: Script) -> None:
    transport.answers = [SendResult(ok=True, provider_id="SM7")]
    delivery.deliver(message_id=queued.pk)
    account = queued.channel_account_id
    assert services.record_status(actor=DOOR, channel_account_id=account, channel_message_id="SM7", status="read")


def test_report_about_another_tenants_message_is_not_found(queued: Message, shop: Shop) -> None:
    with tenant_scope(shop.world.globex.pk), pytest.raises(NotFound):
        services.record_status(actor=DOOR, message_id=queued.pk, status="read")


def test_people_do_not_report_statuses(queued: Message, support: Actor) -> None:
    with pytest.raises(Refused):
        services.record_status(actor=support, message_id=queued.pk, status="read")
