"""STOP and START, and addresses that the provider cannot reach."""

import pytest

from channels_app.twilio.handler import wish_of
from channels_app.webhooks import deliveries
from conversations import services
from conversations.contacts.admin.reach import blocks_of
from conversations.messages import delivery
from conversations.models import ContactPoint, Conversation, Message
from conversations.services import Draft, Sender
from core.actors import system
from core.errors import Refused
from core.models import AuditEntry, Consent, Outbox
from core.reach import ledger
from tests.channels_app.twilio.conftest import OURS, SID, Door, fields, post
from tests.conversations.conftest import (
    ScriptedTransport,
    transport,  # noqa: F401  (a fixture)
)
from tests.world import OPERATOR


def blocks() -> dict[str, str]:
    point = ContactPoint.objects.get(kind="phone")
    said = blocks_of(ledger.entries_of([point.value_index])[point.value_index])
    reasons = {"Opted out of WhatsApp": "opted_out", "Not reachable on WhatsApp": "unreachable"}
    return {"whatsapp": reason for words, reason in reasons.items() if words in said}  # noqa: B035


def say(text: str) -> Message:
    return services.reply(
        actor=OPERATOR,
        conversation_id=Conversation.objects.get().pk,
        draft=Draft(text=text, sender=Sender(type="system")),
    )


@pytest.mark.parametrize(
    ("body", "more", "wish"),
    [
        ("STOP", {}, "stop"),
        (" stop. ", {}, "stop"),
        ("Unsubscribe", {}, "stop"),
        ("Start!", {}, "start"),
        ("stop the campaign", {}, ""),
        ("cancel", {}, ""),
        ("yes", {}, ""),
        ("anything", {"OptOutType": "STOP"}, "stop"),
        ("cancel", {"To": OURS}, "stop"),
        ("yes", {"To": OURS}, "start"),
        ("help", {"OptOutType": "HELP"}, ""),
    ],
)
def test_wishes_are_read_as_twilio_reads_them(body: str, more: dict[str, str], wish: str) -> None:
    assert wish_of(fields(body, **more)) == wish


def test_stop_blocks_the_address_and_is_confirmed_and_asks_no_agent(door: Door) -> None:
    door.take("Hello", 1)
    door.take("STOP", 2)
    with door.inside():
        assert blocks() == {"whatsapp": "opted_out"}
        assert Outbox.objects.filter(event="message_received").count() == 1
        assert "won't message you here any more" in Message.objects.get(direction="out").body
        assert AuditEntry.objects.filter(action="CONTACT_BLOCKED").count() == 1


@pytest.mark.slow
def test_nothing_but_the_confirmation_leaves_until_start(
    door: Door,
    transport: type[ScriptedTransport],  # noqa: F811
) -> None:
    door.take("STOP", 1)
    with door.inside():
        confirmation = Message.objects.get(direction="out")
        assert delivery.deliver(message_id=confirmation.pk) == "sent"
        news = say("News")
        assert delivery.deliver(message_id=news.pk) == "failed"
        attempt = news.attempts.get()
        assert (attempt.error, attempt.permanent) == ("opted_out", True)
    door.take("START", 2)
    with door.inside():
        assert blocks() == {}
        waiting = Message.objects.filter(direction="out", status="queued").order_by("seq")
        assert [delivery.deliver(message_id=each.pk) for each in [*waiting, say("News")]] == ["sent", "sent"]


def test_repeated_stop_is_one_confirmation(door: Door) -> None:
    door.take("STOP", 1)
    deliveries.dispatch_due_deliveries()
    post(fields("STOP", 1))
    door.take("stop", 2)
    with door.inside():
        assert AuditEntry.objects.filter(action="CONTACT_BLOCKED").count() == 1
        assert Message.objects.filter(direction="out").count() == 2  # one for each STOP


@pytest.mark.parametrize(("code", "reason"), [("21610", "opted_out"), ("63024", "unreachable")])
def test_report_that_the_recipient_takes_nothing_blocks_the_address(
    door: Door,
    transport: type[ScriptedTransport],  # noqa: F811
    code: str,
    reason: str,
) -> None:
    door.take("Hello", 1)
    with door.inside():
        message = say("News")
        delivery.deliver(message_id=message.pk)
    form = fields(MessageSid="SMout", MessageStatus="undelivered", ErrorCode=code)
    form |= {"From": f"whatsapp:{OURS}", "To": "whatsapp:+34600123456"}
    post(form, path=f"/channels/whatsapp/status/{message.pk}/")
    deliveries.dispatch_due_deliveries()
    with door.inside():
        assert blocks() == {"whatsapp": reason}
        assert set(Consent.objects.values_list("source", flat=True)) == {"provider"}
        assert delivery.deliver(message_id=say("More").pk) == "failed"


def test_who_was_unreachable_and_writes_again_is_written_to(
    door: Door,
    transport: type[ScriptedTransport],  # noqa: F811
) -> None:
    from conversations.types import SenderIdentity

    door.take("Hello", 1)
    with door.inside():
        sender = SenderIdentity(kind="phone", value="+34600123456", verified=True)
        services.block_point(actor=system("whatsapp"), sender=sender, channel="whatsapp", reason="unreachable")
    door.take("I am here", 2)
    with door.inside():
        assert delivery.deliver(message_id=say("News").pk) == "sent"


def test_only_doors_say_whether_an_address_may_be_written_to(door: Door) -> None:
    from conversations.types import SenderIdentity

    door.take("Hello", 1)
    sender = SenderIdentity(kind="phone", value="+34600123456")
    with door.inside(), pytest.raises(Refused):
        services.unblock_point(actor=door.world.actor("owner"), sender=sender, channel="whatsapp")
    assert SID


@pytest.mark.slow
def test_console_shows_who_wants_nothing(door: Door) -> None:
    from django.test import Client

    door.take("STOP", 1)
    client = Client()
    client.force_login(door.world.people["owner"], backend="accounts.backends.RoleBackend")
    with door.inside():
        conversation = Conversation.objects.get().pk
    assert "Opted out of WhatsApp" in client.get(f"/admin/conversations/conversation/{conversation}/").content.decode()
