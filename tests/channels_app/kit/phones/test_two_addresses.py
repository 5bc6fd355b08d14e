"""One person with two addresses, a number and WhatsApp's id: what is said from one counts for both."""

from typing import Any

import pytest
from django.test import Client

from channels_app.models import InboundDelivery
from channels_app.webhooks import deliveries
from conversations import mediums, selectors, services
from conversations.channel_accounts import accounts
from conversations.contacts import blocks
from conversations.messages import delivery
from conversations.models import ContactPoint, Conversation, Message
from conversations.services import Draft, Sender
from conversations.types import SenderIdentity
from core.actors import system
from core.clock import at, now
from core.models import AuditEntry, Consent, Outbox, ReachPolicy, SendCount
from core.reach.gate import NotReachable
from core.reach.verdict import STOPPABLE
from tests.channels_app.twilio.conftest import OURS, SID, TOKEN, Door
from tests.conversations.conftest import (
    ScriptedTransport,
    transport,  # noqa: F401  (a fixture)
)
from tests.world import OPERATOR

Script = type[ScriptedTransport]
ID = "whatsapp:DE.a1B2c3"
FROM = {"phone": {}, "bsuid": {"From": ID, "WaId": "", "ExternalUserId": ID}, "both": {"ExternalUserId": ID}}
WEB = system("test-door")


@pytest.fixture
def known(door: Door, transport: Script, monkeypatch: pytest.MonkeyPatch) -> Door:  # noqa: F811
    """Ana wrote with her number and her id, and a colleague asked for nothing yet."""
    monkeypatch.setattr(transport, "medium", mediums.WhatsApp)
    door.take("Hello", 1, **FROM["both"])
    return door


def say(text: str = "News", **more: Any) -> Message:
    conversation_id = Conversation.objects.get().pk
    draft = Draft(text=text, sender=Sender(type="system"), **more)
    return services.reply(actor=OPERATOR, conversation_id=conversation_id, draft=draft)


def outcome(**more: Any) -> str:
    """Send one, after those before it, and return its status, or why it failed."""
    for waiting in Message.objects.filter(direction="out", status="queued").order_by("seq"):
        delivery.deliver(message_id=waiting.pk)
    try:
        message = say(**more)
    except NotReachable as refused:
        return refused.code
    status = delivery.deliver(message_id=message.pk)
    return message.attempts.get().error if status == "failed" else status


def opt_outs() -> set[str]:
    return {purpose for _, purpose in selectors.wishes_of(ContactPoint.objects.all()).opt_outs}


@pytest.mark.slow
@pytest.mark.parametrize(("stopped", "started"), [("bsuid", "phone"), ("phone", "bsuid"), ("both", "bsuid")])
def test_stop_from_either_address_counts_for_both_and_start_from_either_lifts_it(
    known: Door, stopped: str, started: str
) -> None:
    known.take("STOP", 2, **FROM[stopped])
    with known.inside():
        assert (outcome(), outcome(purpose="service"), opt_outs()) == ("opted_out", "opted_out", set(STOPPABLE))
    known.take("START", 3, **FROM[started])
    with known.inside():
        assert (outcome(), opt_outs(), outcome(purpose="marketing")) == ("sent", {"marketing"}, "opted_out")
        page = f"/admin/conversations/conversation/{Conversation.objects.get().pk}/"
    client = Client()
    client.force_login(known.world.people["owner"], backend="accounts.backends.RoleBackend")
    said = client.get(page).content.decode()
    assert "Opted out of marketing on WhatsApp" in said
    assert "Opted out of WhatsApp" not in said
    # Once more from where it was said before: it is a new wish.
    known.take("STOP", 4, **FROM[stopped])
    with known.inside():
        assert (outcome(), opt_outs()) == ("opted_out", set(STOPPABLE))
        services.record_consent(
            actor=OPERATOR, address="+34600123456", state="given", purpose="reply", channel="whatsapp"
        )
        assert outcome() == "sent"
    known.take("STOP", 5, **FROM[stopped])
    with known.inside():
        assert outcome() == "opted_out"


@pytest.mark.slow
def test_wish_from_everywhere_since_makes_the_same_words_a_new_wish(known: Door) -> None:
    """STOP on WhatsApp, agreed everywhere, STOP again: the last word is STOP."""
    known.take("STOP", 2)
    facts: dict[str, Any] = {"actor": OPERATOR, "address": "+34600123456", "purpose": "reply"}
    with known.inside():
        services.record_consent(**facts, state="given")
        assert outcome() == "sent"
    known.take("STOP", 3)
    with known.inside():
        assert outcome() == "opted_out"
        services.record_consent(**facts, state="withdrawn")
        services.record_consent(**facts, state="given", channel="whatsapp")
        assert outcome() == "sent"
        services.record_consent(**facts, state="withdrawn")
        assert outcome() == "opted_out"


def test_unreachable_stays_the_matter_of_one_address(known: Door, transport: Script) -> None:  # noqa: F811
    with known.inside():
        sender = SenderIdentity(kind="phone", value="+34600123456", verified=True)
        services.block_point(actor=WEB, sender=sender, channel="whatsapp", reason="unreachable")
        assert outcome() == outcome(purpose="marketing") == "sent"
        assert {one.recipient.kind for one in transport.sent} == {"bsuid"}


def test_block_holds_for_addresses_that_come_later(door: Door, transport: Script) -> None:  # noqa: F811
    support = door.world.actor("support")
    door.take("Hello", 1)
    with door.inside():
        contact = ContactPoint.objects.get().contact_id
        blocks.block_contact(actor=support, contact_id=contact)
    door.take("It is me again", 2, **FROM["both"])
    with door.inside():
        assert ContactPoint.objects.count() == 2
        assert outcome() == "blocked"
        mail = SenderIdentity(kind="email", value="ana@customers.example", verified=True)
        number = SenderIdentity(kind="phone", value=ContactPoint.objects.get(kind="phone").value)
        services.add_point(actor=WEB, beside=number, sender=mail)
        assert Consent.objects.filter(state="blocked", channel="any", recorded_by=support.user_id).count() == 3
        blocks.unblock_contact(actor=support, contact_id=contact)
        assert outcome() == "sent"
        assert not selectors.wishes_of(ContactPoint.objects.all()).is_blocked


def test_limit_of_a_contact_counts_all_of_its_addresses(known: Door) -> None:
    with known.inside():
        ReachPolicy.objects.create(per_contact=2)
        moment = now()
        with at(moment):
            # From before the other address was theirs.
            highest = max(ContactPoint.objects.values_list("value_index", flat=True))
            SendCount.objects.create(address_index=highest, day=moment.date(), sent=1)
            due = [say(purpose="marketing").next_attempt_at for _ in range(2)]
        assert [one == moment for one in due] == [True, False]


def test_start_of_somebody_who_objected_to_nothing_is_answered_like_any_word(door: Door) -> None:
    sms = {"From": "+34600123456", "To": OURS}
    with door.inside():
        accounts.connect_channel(
            actor=OPERATOR,
            kind="sms",
            provider="twilio",
            name="SMS",
            address=OURS,
            provider_account=SID,
            credentials={"account_sid": SID, "auth_token": TOKEN},
        )
    for number, word in enumerate(("yes", "start"), 1):
        door.take(word, number, **sms)
    with door.inside():
        assert Outbox.objects.filter(event="message_received").count() == 2
        assert not Consent.objects.exists()
    door.take("STOP", 3, **sms)
    door.take("yes", 4, **sms)
    with door.inside():
        assert Outbox.objects.filter(event="message_received").count() == 2
        # Marketing comes back only for somebody who had agreed to it.
        assert selectors.wishes_of(ContactPoint.objects.all()).opt_outs == (("sms", "marketing"),)


@pytest.mark.slow
def test_start_of_a_blocked_contact_promises_nothing(known: Door) -> None:
    with known.inside():
        contact = ContactPoint.objects.first().contact_id  # type: ignore[union-attr]
        blocks.block_contact(actor=known.world.actor("support"), contact_id=contact)
    known.take("STOP", 2)
    with known.inside():
        confirmation = Message.objects.get(direction="out")
        assert delivery.deliver(message_id=confirmation.pk) == "sent"
    known.take("START", 3)
    with known.inside():
        assert Message.objects.filter(direction="out").count() == 1
        assert outcome() == "blocked"
        assert AuditEntry.objects.filter(action="CONTACT_UNBLOCKED").count() == 1


@pytest.mark.slow
def test_start_is_confirmed_once_though_it_is_delivered_twice(known: Door) -> None:
    known.take("STOP", 2)
    known.take("START", 3)
    with known.inside():
        InboundDelivery.objects.filter(state="done").update(state="received", due_at=now())
    deliveries.dispatch_due_deliveries()
    with known.inside():
        assert not InboundDelivery.objects.exclude(state="done").exists()
        said = [one.body for one in Message.objects.filter(direction="out").order_by("seq")]
        assert [words.split("!")[0] for words in said[1:]] == ["Welcome back"]
