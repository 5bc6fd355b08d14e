"""Out through Twilio's API to the sandbox phone, and the reports back through the door."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from channels_app.kit.phones import fallbacks
from channels_app.webhooks import deliveries
from conversations import services
from conversations.mediums import TwilioWhatsApp
from conversations.messages import delivery
from conversations.models import ChannelAccount, Conversation, DeliveryAttempt, Message
from conversations.services import Draft, Sender
from conversations.types import SenderIdentity
from core.clock import now
from core.models import ReplyWindow
from integrations.outcomes import Failed, Sent, Unknown
from integrations.twilio.client import TwilioClient
from tests.channels_app.twilio.conftest import OURS, SID, TOKEN, Door
from tests.edge.phone_fixture import MEMBER, Phone, eventually
from tests.world import OPERATOR

API = "POST /2010-04-01"
LATER = timedelta(minutes=5)


@pytest.fixture
def inside(open_door: Door) -> Iterator[Door]:
    """The door, in its tenant's scope."""
    with open_door.inside():
        yield open_door


def arrived(phone: Phone) -> Conversation:
    """Mia writes, and the message is processed."""
    assert phone.write("How is Summer Sale doing?")["status"] == 200
    deliveries.dispatch_due_deliveries()
    return Conversation.objects.get()


def answer(text: str, conversation: Conversation, **more: Any) -> Message:
    draft = Draft(text=text, sender=Sender(type="system"), **more)
    message = services.reply(actor=OPERATOR, conversation_id=conversation.pk, draft=draft)
    delivery.deliver(message_id=message.pk)
    message.refresh_from_db()
    return message


def status_of(message: Message) -> str:
    deliveries.dispatch_due_deliveries()
    return str(Message.objects.values_list("status", flat=True).get(pk=message.pk))


@pytest.mark.slow
def test_answer_reaches_the_phone_and_its_ticks_come_back(inside: Door, phone: Phone) -> None:
    message = answer("It does well.", arrived(phone))
    assert message.status == "sent"
    assert [reply["body"] for reply in phone.replies()] == ["It does well."]
    eventually(lambda: status_of(message) == "delivered")


@pytest.mark.slow
@pytest.mark.parametrize("how", [{"reversed": True}, {"copies": 3}, {"early": True}, {"copies": 2, "early": True}])
def test_reports_out_of_order_doubled_and_early_end_delivered(inside: Door, phone: Phone, how: dict[str, Any]) -> None:
    conversation = arrived(phone)
    phone.behave(**how)
    message = answer("Hello", conversation)
    eventually(lambda: status_of(message) == "delivered")


@pytest.mark.slow
def test_long_answer_leaves_in_parts_in_order(inside: Door, phone: Phone) -> None:
    conversation = arrived(phone)
    text = " ".join(f"word{number}" for number in range(450))
    message = answer(text, conversation)
    bodies = [reply["body"] for reply in phone.replies()]
    assert (" ".join(bodies), len(bodies)) == (text, 3)
    eventually(lambda: status_of(message) == "delivered")


@pytest.mark.parametrize(
    "text", ["", "short", "x" * 1600, "x" * 1601, "a b " * 1000, "é" * 5000, "\n" * 3 + "x" * 1700]
)
def test_split_loses_no_word_and_keeps_the_limit(text: str) -> None:
    parts = TwilioWhatsApp.split(text)
    assert all(len(part) <= 1600 for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


@pytest.mark.slow
def test_answer_after_24_hours_goes_as_a_template(inside: Door, phone: Phone) -> None:
    conversation = arrived(phone)
    ReplyWindow.objects.update(wrote_at=now() - timedelta(hours=25))
    message = answer("BR-7 is approved:\n900 a day", conversation)
    assert message.status == "sent"
    assert [reply["body"] for reply in phone.replies()] == ["News about your request: BR-7 is approved: 900 a day"]


@pytest.mark.slow
def test_answer_after_24_hours_without_a_template_goes_to_a_person(inside: Door, phone: Phone) -> None:
    conversation = arrived(phone)
    _without_template(inside)
    ReplyWindow.objects.update(wrote_at=now() - timedelta(hours=25))
    message = answer("approved", conversation)
    assert (message.status, phone.replies(), fallbacks.send_fallback(message.pk)) == ("failed", [], "person")
    conversation.refresh_from_db()
    assert (conversation.needs_person, conversation.escalation_reason) == (True, "window_closed")


def _without_template(door: Door) -> None:
    account = ChannelAccount.objects.get(pk=door.account.pk)
    account.template_uses = {}
    account.save(update_fields=["template_uses"])


@pytest.mark.slow
def test_window_that_closed_on_the_way_is_answered_with_a_template(inside: Door, phone: Phone) -> None:
    conversation = arrived(phone)
    phone.behave(hours_later=30)
    message = answer("approved", conversation)
    eventually(lambda: status_of(message) == "failed")
    assert fallbacks.send_fallback(message.pk) == "template"
    again = Message.objects.filter(direction="out").order_by("seq").last()
    assert again is not None
    delivery.deliver(message_id=again.pk)
    assert [reply["body"] for reply in phone.replies()][-1] == "News about your request: approved"
    assert Message.objects.filter(direction="out").count() == 2


@pytest.mark.slow
def test_lost_answer_is_looked_up_and_not_sent_twice(inside: Door, phone: Phone) -> None:
    conversation = arrived(phone)
    phone.script(API, "drop_after")
    message = answer("only once", conversation)
    assert message.status == "sending"
    delivery.deliver(message_id=message.pk, now=now() + LATER)
    assert len(phone.replies()) == 1
    DeliveryAttempt.objects.update(started_at=now() - LATER)
    delivery.deliver(message_id=message.pk, now=now() + 3 * LATER)
    assert (status_of(message) in ("sent", "delivered"), len(phone.replies())) == (True, 1)


@pytest.mark.slow
def test_request_that_never_arrived_is_sent_again(inside: Door, phone: Phone) -> None:
    conversation = arrived(phone)
    phone.script(API, "drop_before")
    message = answer("second try", conversation)
    DeliveryAttempt.objects.update(started_at=now() - LATER)
    delivery.deliver(message_id=message.pk, now=now() + LATER)
    assert [reply["body"] for reply in phone.replies()] == ["second try"]


@pytest.mark.slow
def test_second_part_that_failed_is_sent_without_repeating_the_first(inside: Door, phone: Phone) -> None:
    conversation = arrived(phone)
    text = " ".join(f"word{number}" for number in range(450))
    client = TwilioClient(SID, TOKEN)
    first = TwilioWhatsApp.split(text)[0]
    message = services.reply(
        actor=OPERATOR, conversation_id=conversation.pk, draft=Draft(text=text, sender=Sender(type="system"))
    )
    phone.script(API, "429", retry_after=1)
    delivery.deliver(message_id=message.pk)
    client.send_text(sender=f"whatsapp:{OURS}", to=MEMBER, body=first, callback="")
    delivery.deliver(message_id=message.pk, now=now() + LATER)
    assert " ".join(reply["body"] for reply in phone.replies()) == text


@pytest.mark.slow
def test_recipient_who_opted_out_is_not_tried_again(inside: Door, phone: Phone) -> None:
    conversation = arrived(phone)
    phone.behave(manages_opt_out=True)
    phone.write("STOP")
    message = answer("hello?", conversation)
    attempt = DeliveryAttempt.objects.get()
    assert (message.status, attempt.error, attempt.permanent) == ("failed", "21610", True)


@pytest.mark.slow
@pytest.mark.parametrize("is_managed", [True, False])
def test_confirmation_of_stop_arrives_once(inside: Door, phone: Phone, is_managed: bool) -> None:
    arrived(phone)
    phone.behave(manages_opt_out=is_managed)
    phone.write("STOP")
    deliveries.dispatch_due_deliveries()
    for waiting in Message.objects.filter(direction="out"):
        delivery.deliver(message_id=waiting.pk)
    assert [reply["body"][:22] for reply in phone.replies()] == [
        "You have been unsubscr" if is_managed else "You're unsubscribed: w"
    ]
    assert not Message.objects.filter(status="failed").exists()


@pytest.mark.slow
def test_wrong_token_fails_and_is_kept_with_the_channel(inside: Door, phone: Phone) -> None:
    conversation = arrived(phone)
    account = ChannelAccount.objects.get(pk=inside.account.pk)
    account.credentials = {**account.credentials, "auth_token": "wrong"}
    account.save(update_fields=["credentials"])
    message = answer("hello", conversation)
    account.refresh_from_db()
    assert (message.status, account.last_error) == ("failed", "20003")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("deed", "outcome"),
    [
        ({"do": "429", "retry_after": 7}, Failed("429", permanent=False, retry_after=7)),
        ({"do": "fail", "status": 503}, Unknown("scripted_failure")),
        ({"do": "drop_before"}, Unknown("connection_lost")),
    ],
)
def test_client_tells_what_is_sure_from_what_is_not(
    inside: Door, phone: Phone, deed: dict[str, Any], outcome: Any
) -> None:
    phone.script(API, **deed)
    client = TwilioClient(SID, TOKEN)
    found = client.send_text(sender=f"whatsapp:{OURS}", to=MEMBER, body="x", callback="")
    assert (type(found), getattr(found, "permanent", None)) == (type(outcome), getattr(outcome, "permanent", None))


@pytest.mark.slow
def test_client_without_a_server_knows_that_nothing_was_sent(settings: Any) -> None:
    settings.TWILIO_API_BASE = "http://127.0.0.1:9"
    client = TwilioClient(SID, TOKEN)
    found = client.send_text(sender=f"whatsapp:{OURS}", to=MEMBER, body="x", callback="")
    assert found == Failed("not_reachable", permanent=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("facts", "code"),
    [({"to": "whatsapp:nobody"}, "21211"), ({"sender": "whatsapp:+10000000000"}, "21606"), ({"body": ""}, "21619")],
)
def test_refusals_of_the_vendor_are_permanent(inside: Door, phone: Phone, facts: dict[str, str], code: str) -> None:
    usual = {"sender": f"whatsapp:{OURS}", "to": MEMBER, "body": "x", "callback": ""}
    client = TwilioClient(SID, TOKEN)
    found = client.send_text(**{**usual, **facts})
    sent = client.send_text(**usual)
    assert (found, type(sent)) == (Failed(code, permanent=True), Sent)


@pytest.mark.slow
def test_member_who_writes_by_phone_is_known(inside: Door, phone: Phone) -> None:
    marketer = inside.world.people["support"]
    number = MEMBER.removeprefix("whatsapp:")
    known = SenderIdentity(kind="phone", value=number, verified=True, user_id=marketer.pk)
    services.introduce(actor=OPERATOR, sender=known)
    assert arrived(phone).contact.user_id == marketer.pk
