"""An audience message leaves out who said stop or cannot be reached, and says so before and after."""

from datetime import timedelta

import pytest

from accounts.organisation import tiers
from analytics.models import FigureDay
from conversations import mediums, selectors, services
from conversations.actions import SendAudienceMessage, SendAudienceMessageParams, _send_once
from conversations.contacts import contacts
from conversations.contacts.contacts import point_index
from conversations.models import AudienceSend, Message
from conversations.types import SenderIdentity
from core.actors import Actor, system
from core.clock import now
from core.errors import Conflict, NotFound
from core.models import SendCount
from core.reach import ledger
from hitl.actions.base import Origin
from hitl.models import Execution
from hitl.services import propose
from tests.conversations.conftest import ScriptedTransport, Shop
from tests.world import OPERATOR

pytestmark = pytest.mark.slow

KIND = SendAudienceMessage()
PARAMS = SendAudienceMessageParams(audience="VIP", text="Sale on Friday")
DOOR = system("test-door")
OUT = "2 left out because they opted out, 1 left out because their address can't receive messages"


def phone(number: int) -> SenderIdentity:
    return SenderIdentity(kind="phone", value=f"+3460012345{number}", verified=True)


def block(number: int, reason: str, channel: str = "whatsapp") -> None:
    services.block_point(actor=DOOR, sender=phone(number), channel=channel, reason=reason)


def sent() -> int:
    return Message.objects.filter(direction="out").count()


@pytest.fixture
def vips(shop: Shop, support: Actor, transport: type[ScriptedTransport]) -> list[Message]:
    """Five people of the audience who wrote by phone."""
    found = [shop.write(channel_account_id=shop.line.pk, sender=phone(number)) for number in range(5)]
    for message in found:
        contacts.add_tag(actor=support, contact_id=message.sender_id, name="VIP")
    return found


@pytest.fixture
def some(vips: list[Message]) -> list[Message]:
    """The same, after two said stop (one of them by text message) and one could not be reached."""
    block(0, "opted_out")
    block(1, "opted_out", channel="sms")
    block(2, "unreachable")
    return vips


def test_preview_counts_who_is_written_to_and_says_who_is_left_out(some: list[Message]) -> None:
    preview = KIND.preview(PARAMS, KIND.observe(PARAMS))
    assert preview.headline == f"Message 2 people in “VIP” (2 reachable here by chat, {OUT})"
    assert [(row.label, row.after) for row in preview.rows[1:]] == [("Recipients", "2"), ("Left out", OUT)]


def test_reach_is_who_is_really_written_to(some: list[Message]) -> None:
    assert KIND.estimate(PARAMS, KIND.observe(PARAMS)).reach == 2


def test_nobody_who_is_left_out_gets_a_message(some: list[Message]) -> None:
    KIND.execute(PARAMS, idempotency_key="k1")
    assert set(AudienceSend.objects.values_list("contact_id", flat=True)) == {each.sender_id for each in some[3:]}
    assert sent() == 2


def test_outcome_and_probe_count_honestly(some: list[Message]) -> None:
    outcome = KIND.execute(PARAMS, idempotency_key="k1")
    assert outcome.result["in_words"] == f"2 people in “VIP” messaged, {OUT}"
    assert KIND.probe(PARAMS, idempotency_key="k1") == outcome
    assert outcome.result["left_out"] == {"opted_out": 2, "unreachable": 1}


def test_stop_that_came_after_the_signature_is_heeded(vips: list[Message]) -> None:
    facts = KIND.observe(PARAMS)
    block(4, "opted_out")
    outcome = KIND.execute(PARAMS, idempotency_key="k1")
    assert (facts["recipients"], outcome.result["recipients"], sent()) == (5, 4, 4)


def test_send_beyond_the_messages_of_the_day_is_refused_as_a_whole_and_a_customer_never(
    shop: Shop, vips: list[Message]
) -> None:
    tier = tiers.create_tier(actor=OPERATOR, name="Small", limits={"messages": 10})
    tiers.give_tier(actor=OPERATOR, slug=shop.world.acme.slug, tier_id=tier.pk)
    FigureDay.objects.create(metric="messages_in", dimension="total", day=now().date(), n=1, total=6)
    with pytest.raises(Conflict, match="This takes 5, and 4 of your organisation's 10 messages a day are left") as over:
        KIND.resolve(PARAMS)
    assert (over.value.code, over.value.facts["left"]) == ("limit_reached", 4)
    outcome = KIND.execute(PARAMS, idempotency_key="k1")
    assert (outcome.kind, outcome.error.startswith("limit_reached: This takes 5"), sent()) == ("failed_clean", True, 0)
    assert not AudienceSend.objects.exists()
    assert shop.write(channel_account_id=shop.line.pk, sender=phone(0)).pk  # who writes is never refused

    FigureDay.objects.update(total=5)
    assert KIND.resolve(PARAMS) == PARAMS
    assert _send_once(vips[0].sender_id, PARAMS.text, "k1") == 1
    FigureDay.objects.update(total=9)
    assert KIND.execute(PARAMS, idempotency_key="k1").result["recipients"] == 5  # what has begun is finished


def test_two_sends_at_once_share_the_messages_of_the_day(shop: Shop, support: Actor, vips: list[Message]) -> None:
    tier = tiers.create_tier(actor=OPERATOR, name="Small", limits={"messages": 8})
    tiers.give_tier(actor=OPERATOR, slug=shop.world.acme.slug, tier_id=tier.pk)
    contacts.add_tag(actor=support, contact_id=vips[0].sender_id, name="Press")
    contacts.add_tag(actor=support, contact_id=vips[1].sender_id, name="Press")
    for key, audience, minutes in (("first", "VIP", 2), ("second", "Press", 1)):
        params = {"audience": audience, "text": "Sale"}
        approval = propose(actor=support, kind=KIND.key, params=params, origin=Origin())
        begun = now() - timedelta(minutes=minutes)
        Execution.objects.create(approval=approval, revision=1, digest="d", idempotency_key=key, started_at=begun)
    press = SendAudienceMessageParams(audience="Press", text="Sale")
    assert KIND.execute(press, idempotency_key="second").kind == "succeeded"  # 2 + 5 of 8
    AudienceSend.objects.all().delete()
    FigureDay.objects.create(metric="messages_in", dimension="total", day=now().date(), n=1, total=2)
    late = KIND.execute(press, idempotency_key="second")
    assert (late.kind, "This takes 2, and 1 of your organisation's 8" in late.error) == ("failed_clean", True)
    assert KIND.execute(PARAMS, idempotency_key="first").result["recipients"] == 5  # it began first
    Execution.objects.filter(idempotency_key="first").update(outcome="succeeded")
    assert KIND.execute(press, idempotency_key="second").kind == "succeeded"


def test_stop_that_came_while_others_were_written_to_is_heeded(vips: list[Message]) -> None:
    block(4, "opted_out")
    assert _send_once(vips[4].sender_id, PARAMS.text, "k1") == 0
    assert not AudienceSend.objects.exists()


def test_who_is_refused_in_the_middle_keeps_nobody_after_them_waiting(
    shop: Shop, support: Actor, transport: type[ScriptedTransport], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "medium", mediums.WhatsApp)
    ago = [timedelta(), timedelta(days=2), timedelta(), timedelta()]
    found = [
        shop.write(channel_account_id=shop.line.pk, sender=phone(number), now=now() - ago[number])
        for number in range(4)
    ]
    for message in found:
        contacts.add_tag(actor=support, contact_id=message.sender_id, name="VIP")
    full, today = point_index("phone", phone(2).value), now().date()
    SendCount.objects.bulk_create(
        SendCount(address_index=full, day=today + timedelta(days=number), sent=3) for number in range(-1, 33)
    )
    outcomes = [KIND.execute(PARAMS, idempotency_key="k1") for _ in range(2)]
    assert [outcome.result for outcome in outcomes] == [
        {
            "recipients": 2,
            "left_out": {"window_closed": 1, "limit": 1},
            "in_words": "2 people in “VIP” messaged, 1 left out because they last wrote more than 24 hours ago and "
            "no template is chosen, 1 left out because the limit of marketing messages is reached",
        }
    ] * 2
    written = Message.objects.filter(direction="out").values_list("conversation__contact_id", flat=True)
    assert sorted(written) == sorted(found[number].sender_id for number in (0, 3))  # type: ignore[type-var]
    assert KIND.probe(PARAMS, idempotency_key="k1") == outcomes[0]


def test_who_was_not_reached_and_wrote_since_is_written_to(vips: list[Message], shop: Shop) -> None:
    block(0, "unreachable")
    shop.write("I am back", channel_account_id=shop.line.pk, sender=phone(0))
    assert KIND.observe(PARAMS)["recipients"] == 5


def test_who_says_start_is_written_to_again_if_they_had_agreed(vips: list[Message]) -> None:
    index = point_index("phone", phone(0).value)
    ledger.add_lines(address_index=index, channel="whatsapp", state="given", source="customer", purposes=["marketing"])
    for number in (0, 1):
        block(number, "opted_out")
    assert KIND.observe(PARAMS)["left_out"] == {"opted_out": 2}
    for number in (0, 1):  # the other one never agreed to marketing: START isn't a consent
        services.unblock_point(actor=DOOR, sender=phone(number), channel="whatsapp")
    assert KIND.observe(PARAMS)["left_out"] == {"opted_out": 1}


def test_audience_all_of_which_opted_out_cannot_be_asked_for(vips: list[Message]) -> None:
    for number in range(5):
        block(number, "opted_out")
    with pytest.raises(NotFound, match="5 left out because they opted out: there is nobody to message"):
        KIND.observe(PARAMS)


def test_list_of_audiences_takes_five_queries(
    some: list[Message], kept_settings: None, django_assert_max_num_queries: object
) -> None:
    selectors.list_audiences()  # keeps the organisation's rules
    with django_assert_max_num_queries(5):  # type: ignore[operator]
        (found,) = selectors.list_audiences()
    assert (found.contacts, found.in_numbers()) == (2, f"2 reachable here by chat, {OUT}")
