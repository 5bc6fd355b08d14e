"""A decision that comes late: as a template, else by mail, else a person is asked; to the second."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from channels_app.kit.phones import fallbacks
from channels_app.webhooks import deliveries
from conversations import services
from conversations.messages import delivery
from conversations.models import ChannelAccount, Conversation, DeliveryAttempt, Message
from conversations.services import Draft, Sender
from conversations.types import SenderIdentity
from core.events import relay
from core.models import AuditEntry, ReplyWindow
from integrations.mail.types import MailEvent
from integrations.models import MailDelivery
from tests.channels_app.twilio.conftest import OURS, TEMPLATE, Door, fields, post
from tests.edge.phone_fixture import CUSTOMER, Phone
from tests.relay_process import kill_the_relay_at
from tests.world import OPERATOR

pytestmark = pytest.mark.slow

DAY = timedelta(hours=24)
DECIDED = {"reference": "BR-1001", "approval_id": "0", "approval_state": "executed"}


def conversation() -> Conversation:
    found: Conversation = Conversation.objects.select_related("contact").get()
    return found


def tell(text: str = "BR-1001 is approved", **metadata: Any) -> Message:
    draft = Draft(text=text, metadata={**DECIDED, **metadata}, sender=Sender(type="system"))
    return services.reply(actor=OPERATOR, conversation_id=conversation().pk, draft=draft)


def write(phone: Phone, sender: str = CUSTOMER) -> None:
    phone.write("Raise the budget", sender=sender)
    deliveries.dispatch_due_deliveries()


def age(gap: timedelta) -> None:
    ReplyWindow.objects.update(wrote_at=F("wrote_at") - gap)


def make_colleague(door: Door) -> str:
    user = door.world.people["support"]
    services.link_contact_to_user(
        actor=door.world.actor("owner"), contact_id=conversation().contact_id, user_id=user.pk
    )
    return str(user.email)


def test_decision_a_second_before_the_end_goes_out_as_text(phone: Phone, open_door: Door) -> None:
    write(phone)
    with open_door.inside():
        age(DAY - timedelta(seconds=30))
        assert delivery.deliver(message_id=tell().pk) == "sent"
    assert phone.replies(CUSTOMER)[-1]["more"]["template"] == ""


def test_decision_after_the_end_goes_out_as_a_template(phone: Phone, open_door: Door) -> None:
    write(phone)
    with open_door.inside():
        age(DAY)
        assert delivery.deliver(message_id=tell().pk) == "sent"
    assert phone.replies(CUSTOMER)[-1]["body"] == "News about your request: BR-1001 is approved"


def failed_late(door: Door, **metadata: Any) -> Message:
    """A decision that found the window closed and no template."""
    ChannelAccount.objects.update(template_uses={})
    age(DAY)
    message = tell(**metadata)
    assert delivery.deliver(message_id=message.pk) == "failed"
    return message


def test_without_a_template_the_colleague_gets_a_mail(phone: Phone, open_door: Door) -> None:
    write(phone)
    with open_door.inside():
        address = make_colleague(open_door)
        message = failed_late(open_door)
        assert [fallbacks.send_fallback(message.pk) for _ in range(3)] == ["mail"] * 3
        mail = MailDelivery.objects.get()
        assert (mail.address, mail.type, mail.ref) == (address, "decision", message.pk)
        assert "BR-1001 is approved" in mail.text
        assert conversation().state == "agent"


def test_verified_mailbox_of_a_customer_gets_a_mail_and_an_unverified_one_does_not(
    phone: Phone, open_door: Door
) -> None:
    write(phone)
    with open_door.inside():
        message = failed_late(open_door)
        said = SenderIdentity(kind="email", value="ana@example.org", verified=False)
        number = SenderIdentity(kind="phone", value=conversation().contact.points.get().value)
        services.add_point(actor=fallbacks.ACTOR, beside=number, sender=said)
        assert fallbacks.send_fallback(message.pk) == "person"
        conversation().contact.points.filter(kind="email").update(is_verified=True)
        assert fallbacks.send_fallback(message.pk) == "mail"


def test_without_template_and_mailbox_a_person_is_asked(phone: Phone, open_door: Door) -> None:
    write(phone)
    with open_door.inside():
        message = failed_late(open_door)
        assert fallbacks.send_fallback(message.pk) == "person"
        found = conversation()
    assert (found.state, found.needs_person, found.escalation_reason) == ("person", True, "window_closed")


def test_lost_mail_is_a_task_for_a_person_too(phone: Phone, open_door: Door) -> None:
    write(phone)
    with open_door.inside():
        make_colleague(open_door)
        message = failed_late(open_door)
        fallbacks.send_fallback(message.pk)
        mail = MailDelivery.objects.get()
        facts = {"type": "decision", "ref": message.pk, "user_id": None, "at": mail.queued_at}
        fallbacks.LostDecisions().on_event(MailEvent(mail.pk, what="sent", **facts))
        assert conversation().state == "agent"
        fallbacks.LostDecisions().on_event(MailEvent(mail.pk, what="bounced", **facts))
        assert (conversation().state, conversation().escalation_reason) == ("person", "not_delivered")


def test_ordinary_answer_is_never_mailed(phone: Phone, open_door: Door) -> None:
    write(phone)
    with open_door.inside():
        make_colleague(open_door)
        message = failed_late(open_door, reference="")
        assert fallbacks.send_fallback(message.pk) == "person"
        assert not MailDelivery.objects.exists()


def test_provider_who_finds_the_window_closed_gets_the_template_once(phone: Phone, open_door: Door) -> None:
    write(phone)
    with open_door.inside():
        message = tell()
        DeliveryAttempt.objects.create(message=message, number=1, error="63016", permanent=True)
        Message.objects.filter(pk=message.pk).update(status="failed", next_attempt_at=None)
        assert [fallbacks.send_fallback(message.pk) for _ in range(2)] == ["template", "template"]
        [again] = Message.objects.filter(direction="out").exclude(pk=message.pk)
        assert delivery.deliver(message_id=again.pk) == "sent"
    assert phone.replies(CUSTOMER)[-1]["more"]["template"] == TEMPLATE


def test_decision_to_who_said_stop_goes_by_mail(phone: Phone, open_door: Door) -> None:
    write(phone)
    with open_door.inside():
        make_colleague(open_door)
    phone.write("STOP", sender=CUSTOMER)
    deliveries.dispatch_due_deliveries()
    with open_door.inside():
        for waiting in Message.objects.filter(direction="out", status="queued").order_by("seq"):
            delivery.deliver(message_id=waiting.pk)
        message = tell()
        assert delivery.deliver(message_id=message.pk) == "failed"
        assert fallbacks.send_fallback(message.pk) == "mail"
        assert AuditEntry.objects.filter(action="MESSAGE_MAILED").count() == 1


def test_message_that_can_never_be_delivered_is_a_task_for_a_person(door: Door) -> None:
    door.take()
    with door.inside():
        message = tell(reference="")
        form = fields(MessageSid="SMout", MessageStatus="undelivered", ErrorCode="63021")
        form |= {"From": f"whatsapp:{OURS}", "To": "whatsapp:+34600123456"}
        post(form, path=f"/channels/whatsapp/status/{message.pk}/")
        deliveries.dispatch_due_deliveries()
        assert message.attempts.count() == 0
        assert fallbacks.send_fallback(message.pk) == "person"
        assert conversation().escalation_reason == "not_delivered"


def test_announced_failure_goes_another_way_once_though_its_process_dies(phone: Phone, open_door: Door) -> None:
    write(phone)
    relay.relay()
    with open_door.inside():
        make_colleague(open_door)
        message = failed_late(open_door)
    kill_the_relay_at("channels_app.kit.phones.fallbacks:send_fallback", "after")
    relay.relay()
    relay.relay()
    with open_door.inside():
        mail = MailDelivery.objects.get()
        assert (mail.type, mail.ref) == ("decision", message.pk)
