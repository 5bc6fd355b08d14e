"""Every message asks the gate when it is queued and again right before it is sent."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from conversations import mediums, services
from conversations.actions import SendAudienceMessage, SendAudienceMessageParams
from conversations.contacts import contacts
from conversations.contacts.blocks import block_contact, unblock_contact
from conversations.messages import reach
from conversations.messages.delivery import deliver
from conversations.models import Conversation, DeliveryAttempt, Message
from conversations.services import ByTemplate, Draft, Sender
from conversations.types import SenderIdentity
from core.actors import Actor
from core.clock import at, now
from core.errors import NotFound, Refused
from core.models import AuditEntry, Consent, ReachPolicy, ReplyWindow, SendCount
from core.reach import counts, gate, ledger, policy
from core.reach.verdict import has_objected
from core.reliability import kept
from core.tenancy.scope import tenant_scope
from tests.conversations.conftest import AGENT, DOOR, ScriptedTransport, Shop
from tests.templating import choose_template
from tests.world import OPERATOR

Script = type[ScriptedTransport]
DAY = timedelta(hours=24)
PHONE = SenderIdentity(kind="phone", value="+34600123456", verified=True)
KIND = SendAudienceMessage()
PARAMS = SendAudienceMessageParams(audience="VIP", text="Sale on Friday")
TABLES = ("core_consent", "core_replywindow", "core_sendcount", "core_reachpolicy")


@pytest.fixture
def windowed(transport: Script, monkeypatch: pytest.MonkeyPatch) -> Script:
    """The phone line with WhatsApp's window, without a template."""
    monkeypatch.setattr(transport, "medium", mediums.WhatsApp)
    return transport


@pytest.fixture
def asked(shop: Shop, windowed: Script) -> Message:
    """A customer wrote by phone."""
    return shop.call()


@pytest.fixture
def rules(acme: Any) -> Any:
    """Change the rules for marketing at once."""

    def change(**values: Any) -> None:
        ReachPolicy.objects.update_or_create(defaults=values)

    return change


def stop(reason: str = "opted_out", channel: str = "whatsapp") -> bool:
    return services.block_point(actor=DOOR, sender=PHONE, channel=channel, reason=reason)


def reply(message: Message, actor: Actor = AGENT, **more: Any) -> Message:
    kind = {"agent": "agent", "system": "system"}.get(actor.kind, "person")
    return services.reply(
        actor=actor,
        conversation_id=message.conversation_id,
        now=more.pop("now", None),
        draft=Draft(text="Hi", sender=Sender(type=kind), **more),  # type: ignore[arg-type]
    )


def test_stop_between_queue_and_send_reaches_nobody(asked: Message, windowed: Script) -> None:
    queued = reply(asked)
    stop()
    assert (deliver(message_id=queued.pk), windowed.sent) == ("failed", [])
    assert DeliveryAttempt.objects.get().error == "opted_out"


def test_stop_between_claim_and_send_reaches_nobody(
    asked: Message, windowed: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    from conversations.messages import delivery

    claim = delivery._claim

    def claim_and_stop(*given: Any) -> Any:
        found = claim(*given)
        stop()
        return found

    monkeypatch.setattr(delivery, "_claim", claim_and_stop)
    assert (deliver(message_id=reply(asked).pk), windowed.sent) == ("failed", [])


@pytest.mark.slow
def test_delivery_asks_the_gate_with_two_queries(
    asked: Message, windowed: Script, rules: Any, kept_settings: None
) -> None:
    for purpose in ("reply", "service", "marketing"):
        for is_cold in (True, False):
            queued = reply(asked, OPERATOR, purpose=purpose)
            if is_cold:
                kept.forget()
            with CaptureQueriesContext(connection) as seen:
                assert deliver(message_id=queued.pk) == "sent"
            added = [query["sql"] for query in seen.captured_queries if any(table in query["sql"] for table in TABLES)]
            of_rules = [sql for sql in added if "core_reachpolicy" in sql]
            assert len(added) - len(of_rules) == 2, added
            # The rules for marketing once in a while for each process, the others never.
            assert len(of_rules) == (is_cold and purpose == "marketing")


def test_window_is_the_contacts_over_all_their_conversations(
    asked: Message, shop: Shop, windowed: Script, support: Actor
) -> None:
    start = now()
    services.close(actor=support, conversation_id=asked.conversation_id, resolved=True)
    Conversation.objects.update(closed_at=start - 30 * DAY)
    later = shop.call("Again", now=start + DAY - timedelta(seconds=1))
    assert later.conversation_id != asked.conversation_id
    Conversation.objects.filter(pk=later.conversation_id).update(last_inbound_at=None)
    queued = reply(later, now=start + DAY)
    assert deliver(message_id=queued.pk, now=start + DAY) == "sent"
    ends = ReplyWindow.objects.get().wrote_at + DAY
    before, after = (reply(later, now=moment) for moment in (ends - timedelta(seconds=1), ends))
    assert deliver(message_id=before.pk, now=ends - timedelta(seconds=1)) == "sent"
    assert deliver(message_id=after.pk, now=ends) == "failed"


def test_person_hears_at_once_why_a_reply_cannot_leave(asked: Message, windowed: Script, support: Actor) -> None:
    ReplyWindow.objects.update(wrote_at=F("wrote_at") - DAY)
    with pytest.raises(gate.NotReachable, match="24 hours") as closed:
        reply(asked, support)
    assert closed.value.code == "window_closed"
    choose_template(asked.channel_account)
    with pytest.raises(gate.NotReachable) as offered:
        reply(asked, support)
    assert offered.value.facts == {"has_template": True}
    assert deliver(message_id=reply(asked, support, template=ByTemplate()).pk) == "sent"
    assert windowed.sent[-1].template is not None
    stop()
    with pytest.raises(gate.NotReachable, match="opted out"):
        reply(asked, support, template=ByTemplate())
    assert Message.objects.filter(direction="out").count() == 1


@pytest.mark.slow
def test_blocked_contact_gets_nothing_on_any_channel_until_unblocked(
    asked: Message, shop: Shop, windowed: Script, support: Actor, viewer: Actor
) -> None:
    contact_id = asked.sender_id
    assert contact_id is not None
    with pytest.raises(Refused):
        block_contact(actor=viewer, contact_id=contact_id)
    assert [block_contact(actor=support, contact_id=contact_id) for _ in range(2)] == [True, False]
    with pytest.raises(gate.NotReachable, match="blocked"):
        reply(asked, support)
    assert deliver(message_id=reply(asked).pk) == "failed"
    services.unblock_point(actor=DOOR, sender=PHONE, channel="whatsapp")
    assert deliver(message_id=reply(asked).pk) == "failed"
    assert [unblock_contact(actor=support, contact_id=contact_id) for _ in range(2)] == [True, False]
    assert deliver(message_id=reply(asked).pk) == "sent"
    assert AuditEntry.objects.filter(action__in=("CONTACT_BLOCKED", "CONTACT_UNBLOCKED")).count() == 2
    visitor = shop.write()
    assert visitor.sender_id is not None
    block_contact(actor=support, contact_id=visitor.sender_id)
    for actor in (AGENT, OPERATOR, support):
        with pytest.raises(gate.NotReachable):
            reply(visitor, actor)
    with tenant_scope(shop.world.globex.pk), pytest.raises(NotFound):
        block_contact(actor=support, contact_id=contact_id)


def test_opt_out_of_an_unknown_address_counts_when_it_appears(shop: Shop, windowed: Script) -> None:
    assert stop()
    message = shop.call()
    assert deliver(message_id=reply(message).pk) == "failed"
    assert AuditEntry.objects.filter(action="CONSENT_RECORDED").count() == 1


def test_later_stop_and_start_of_any_order_keep_the_newest(asked: Message) -> None:
    index = reach._points(asked.conversation, ("phone",))[0][0].value_index
    moment = now()
    services.unblock_point(actor=DOOR, sender=PHONE, channel="whatsapp")
    assert not Consent.objects.exists()
    stop()
    ledger.add_lines(address_index=index, channel="whatsapp", state="given", source="api", at=moment - DAY)
    assert deliver(message_id=reply(asked).pk) == "failed"


def test_start_brings_marketing_back_only_for_who_had_agreed_to_it(asked: Message) -> None:
    index = reach._points(asked.conversation, ("phone",))[0][0].value_index

    def stops_and_starts() -> bool:
        stop()
        services.unblock_point(actor=DOOR, sender=PHONE, channel="whatsapp")
        assert not has_objected(ledger.entries_of([index])[index], "whatsapp", "reply")
        return not has_objected(ledger.entries_of([index])[index], "whatsapp", "marketing")

    assert not stops_and_starts()
    ledger.add_lines(address_index=index, channel="whatsapp", state="given", source="customer", purposes=["marketing"])
    assert stops_and_starts()


@pytest.mark.slow
def test_postponed_marketing_does_not_hold_up_replies(
    asked: Message, windowed: Script, rules: Any, support: Actor
) -> None:
    noon = now().replace(hour=12, minute=0, second=0, microsecond=0)
    contacts.add_tag(actor=support, contact_id=asked.sender_id, name="VIP")  # type: ignore[arg-type]
    queued = reply(asked, OPERATOR, purpose="marketing", now=noon)
    rules(quiet_from=noon.time(), quiet_until=noon.replace(hour=13).time())
    assert deliver(message_id=queued.pk, now=noon) == "queued"
    assert (DeliveryAttempt.objects.count(), windowed.sent) == (0, [])
    kept = Message.objects.get(pk=queued.pk)
    assert (kept.status, kept.retry_count, kept.next_attempt_at) == (
        "queued",
        0,
        noon.replace(hour=13),
    )
    assert deliver(message_id=reply(asked, now=noon).pk, now=noon) == "sent"
    assert deliver(message_id=queued.pk, now=noon + timedelta(hours=1)) == "sent"
    held = reply(asked, OPERATOR, purpose="marketing", now=noon)
    assert held.next_attempt_at == kept.next_attempt_at


@pytest.mark.slow
def test_limits_of_marketing_count_each_message_once(
    asked: Message, windowed: Script, rules: Any, shop: Shop, support: Actor
) -> None:
    rules(per_contact=2, per_day=3)
    moment = now().replace(hour=12)
    with at(moment):
        first, second, third = (reply(asked, OPERATOR, purpose="marketing") for _ in range(3))
        assert [one.next_attempt_at == moment for one in (first, second, third)] == [True, True, False]
        assert counts.sent_on([], moment.date())[counts.TENANT][moment.date()] == 2
        windowed.answers = [ConnectionError()]
        deliver(message_id=first.pk)
    assert deliver(message_id=first.pk, now=moment + timedelta(minutes=1)) == "sent"
    assert counts.sent_on([], moment.date())[counts.TENANT][moment.date()] == 2
    other = SenderIdentity(kind="phone", value="+34600999999", verified=True)
    elsewhere = shop.write(channel_account_id=shop.line.pk, sender=other)
    with at(moment):
        due = [reply(elsewhere, OPERATOR, purpose="marketing").next_attempt_at for _ in range(2)]
    assert [one == moment for one in due] == [True, False]


@pytest.mark.slow
def test_without_a_limit_no_row_is_everybody_s_and_with_one_the_shares_are_exact(shop: Shop, support: Actor) -> None:
    day, facts = now().date(), {"quiet_from": None, "quiet_until": None, "needs_consent": False, "zone": "UTC"}

    def take(number: int, limit: int) -> None:
        counts.take_place(indexes=[f"address {number}"], day=day, per_contact=1, per_day=limit)

    for number in range(5):
        take(number, 0)
    assert set(SendCount.objects.values_list("address_index", flat=True)) == {f"address {n}" for n in range(5)}
    policy.change_policy(actor=OPERATOR, per_contact=1, per_day=40, **facts)  # type: ignore[arg-type]
    for number in range(5, 40):
        take(number, 40)
    with pytest.raises(counts.Full):
        take(40, 40)
    assert counts.sent_on([], day)[counts.TENANT] == {day: 40}
    shares = SendCount.objects.filter(address_index__in=counts.SHARES)
    assert shares.count() == 16
    assert set(shares.values_list("sent", flat=True)) == {2, 3}
    # Twice to one address counts nowhere.
    with pytest.raises(counts.Full):
        take(3, 80)
    assert counts.sent_on([], day)[counts.TENANT] == {day: 40}


@pytest.mark.slow
@pytest.mark.parametrize(("said", "stored"), [("+551187654321", "+5511987654321"), ("+5491123456789", "+541123456789")])
def test_wish_block_and_window_hold_for_each_spelling_of_a_number(
    shop: Shop, windowed: Script, support: Actor, said: str, stored: str
) -> None:
    one, other = (SenderIdentity(kind="phone", value=value, verified=True) for value in (said, stored))
    asked = shop.write(channel_account_id=shop.line.pk, sender=other)
    again = shop.write(channel_account_id=shop.line.pk, sender=one)
    assert again.sender_id == asked.sender_id
    assert ReplyWindow.objects.count() == 1
    services.block_point(actor=DOOR, sender=one, channel="whatsapp", reason="opted_out")
    assert deliver(message_id=reply(asked).pk) == "failed"
    services.unblock_point(actor=DOOR, sender=other, channel="whatsapp")
    assert deliver(message_id=reply(asked).pk) == "sent"
    facts: dict[str, Any] = {"actor": OPERATOR, "purpose": "reply", "state": "withdrawn", "channel": "any"}
    services.record_consent(address=said, **facts)
    with pytest.raises(gate.NotReachable, match="opted out"):
        reply(asked, support)
    assert deliver(message_id=reply(asked).pk) == "failed"


def test_campaign_leaves_out_who_is_blocked_or_has_not_agreed(
    asked: Message, windowed: Script, rules: Any, support: Actor
) -> None:
    contacts.add_tag(actor=support, contact_id=asked.sender_id, name="VIP")  # type: ignore[arg-type]
    assert KIND.observe(PARAMS)["recipients"] == 1
    rules(needs_consent=True)
    with pytest.raises(NotFound, match="1 left out because they haven't agreed to marketing"):
        KIND.observe(PARAMS)
    index = reach._points(asked.conversation, ("phone",))[0][0].value_index
    ledger.add_lines(address_index=index, channel="any", state="given", source="api", purposes=["marketing"], at=now())
    assert KIND.observe(PARAMS)["recipients"] == 1
    block_contact(actor=support, contact_id=asked.sender_id)  # type: ignore[arg-type]
    with pytest.raises(NotFound, match="1 left out because they are blocked"):
        KIND.observe(PARAMS)
