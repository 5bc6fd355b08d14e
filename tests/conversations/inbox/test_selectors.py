"""Reading conversations: rights, masks, pages, and a constant number of queries."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.privacy.reveals import reveal
from conversations import selectors, services
from conversations.inbox import states
from conversations.inbox.selectors import counts
from conversations.messages.selectors import messages
from conversations.models import Conversation
from conversations.selectors import ConversationFilters
from conversations.types import SenderIdentity
from core.actors import Actor
from core.clock import now
from core.errors import Invalid, NotFound, Refused
from core.tenancy.scope import tenant_scope
from tests.conversations.conftest import AGENT, Shop
from tests.world import World

OUTLAW = Actor(kind="user", role="none")


def visitors(shop: Shop, number: int) -> list[Conversation]:
    """Let several people write, one after the other."""
    start = now()
    return [
        shop.conversation(
            text=f"I am {n}, ana{n}@example.com",
            sender=SenderIdentity(kind="email", value=f"ana{n}@example.com", display_name="Ana Luz"),
            now=start + timedelta(seconds=n),
        )
        for n in range(number)
    ]


def listed(viewer: Actor, **fields: Any) -> list[Conversation]:
    page = selectors.list_conversations(viewer=viewer, filters=ConversationFilters(**fields))
    return list(page.rows)


def test_list_shows_the_newest_first_with_the_last_masked_text(shop: Shop, viewer: Actor) -> None:
    first, second = visitors(shop, 2)
    rows = listed(viewer)
    assert [row.pk for row in rows] == [second.pk, first.pk]
    assert "ana" not in rows[0].last_text  # type: ignore[attr-defined]


@pytest.mark.slow
def test_pages_hold_every_conversation_once(shop: Shop, viewer: Actor) -> None:
    expected = {row.pk for row in visitors(shop, 5)}
    seen, cursor = [], ""
    while True:
        page = selectors.list_conversations(viewer=viewer, cursor=cursor, limit=2)
        seen += [row.pk for row in page.rows]
        cursor = page.cursor
        if not cursor:
            break
    assert len(seen) == 5
    assert set(seen) == expected


@pytest.mark.parametrize("cursor", ["x", "AAAA", "é", "MjAyNi0wMS0wMXxub25l"])
def test_cursor_that_is_not_ours_is_invalid(shop: Shop, viewer: Actor, cursor: str) -> None:
    with pytest.raises(Invalid):
        selectors.list_conversations(viewer=viewer, cursor=cursor)


@pytest.mark.parametrize("number", [1, 3])
def test_list_costs_one_query_whatever_its_length(
    shop: Shop, viewer: Actor, number: int, django_assert_num_queries: Any
) -> None:
    visitors(shop, number)
    with django_assert_num_queries(1):
        names = [(row.contact.masked_name, row.channel_account.name) for row in listed(viewer)]
    assert len(names) == number


@pytest.mark.slow
def test_address_finds_its_conversation_whole_and_only_so(shop: Shop, viewer: Actor) -> None:
    first, _ = visitors(shop, 2)
    assert [row.pk for row in listed(viewer, q="ANA0@example.com")] == [first.pk]
    assert listed(viewer, q="ana0@") == []


@pytest.mark.slow
@pytest.mark.parametrize("q", ["ana1@exam", "Ana Luz'", "%", "\0"])
def test_search_does_not_answer_for_what_is_masked(shop: Shop, viewer: Actor, q: str) -> None:
    visitors(shop, 1)
    assert len(listed(viewer, q=q)) == (1 if q == "\0" else 0)


@pytest.mark.slow
def test_words_find_masked_text(shop: Shop, viewer: Actor) -> None:
    _, second = visitors(shop, 2)
    assert [row.pk for row in listed(viewer, q="i am 1")] == [second.pk]


@pytest.mark.slow
def test_filter_shows_who_needs_a_person(shop: Shop, viewer: Actor) -> None:
    first, _ = visitors(shop, 2)
    services.hand_off(actor=AGENT, conversation_id=first.pk, reason="agent_failed")
    assert [row.pk for row in listed(viewer, needs_person=True)] == [first.pk]
    assert selectors.count_needing_person(viewer=viewer) == 1


def test_one_without_the_right_sees_nothing(shop: Shop) -> None:
    chat = shop.conversation()
    with pytest.raises(Refused):
        selectors.list_conversations(viewer=OUTLAW)
    with pytest.raises(Refused):
        selectors.get_conversation(viewer=OUTLAW, conversation_id=chat.pk)
    with pytest.raises(Refused):
        messages.list_messages(viewer=OUTLAW, conversation_id=chat.pk)


def test_outsider_finds_no_conversation(shop: Shop, world: World) -> None:
    chat = shop.conversation()
    with tenant_scope(world.globex.pk):
        with pytest.raises(NotFound):
            selectors.get_conversation(viewer=world.outsider(), conversation_id=chat.pk)
        with pytest.raises(NotFound):
            messages.list_messages(viewer=world.outsider(), conversation_id=chat.pk)


def test_messages_are_masked_and_in_order(shop: Shop, viewer: Actor) -> None:
    chat = shop.conversation(text="I am ana@example.com")
    shop.write("Second")
    page = messages.list_messages(viewer=viewer, conversation_id=chat.pk)
    assert [row.seq for row in page.rows] == [1, 2]
    assert "ana@" not in page.rows[0].text


def test_message_pages_go_up_to_the_top(shop: Shop, viewer: Actor) -> None:
    chat = shop.conversation()
    for number in range(4):
        shop.write(str(number))
    page = messages.list_messages(viewer=viewer, conversation_id=chat.pk, limit=3)
    above = messages.list_messages(viewer=viewer, conversation_id=chat.pk, before=page.before)
    assert [row.seq for row in above.rows] == [1, 2]
    assert above.before is None


def test_clear_text_needs_an_open_grant(shop: Shop, world: World) -> None:
    chat = shop.conversation(text="I am ana@example.com")
    officer = world.actor("compliance")
    with pytest.raises(Refused):
        messages.list_messages(viewer=officer, conversation_id=chat.pk, clear=True)
    reveal(
        actor=officer,
        object_type="conversations.conversation",
        object_id=chat.pk,
        fields=["messages"],
        reason="Complaint of the customer",
    )
    page = messages.list_messages(viewer=officer, conversation_id=chat.pk, clear=True)
    assert page.rows[0].text == "I am ana@example.com"


def test_clear_text_is_refused_without_the_right(shop: Shop, support: Actor) -> None:
    chat = shop.conversation()
    with pytest.raises(Refused):
        messages.list_messages(viewer=support, conversation_id=chat.pk, clear=True)


@pytest.mark.parametrize("number", [1, 3])
def test_frames_cost_two_queries_whatever_their_number(shop: Shop, number: int, django_assert_num_queries: Any) -> None:
    *_, chat = (shop.conversation(text=f"ana{n}@example.com") for n in range(number))
    with django_assert_num_queries(2):
        frames = selectors.frames_for_customer(chat.pk, 0)
    assert [frame["message"] for frame in frames] == [f"ana{n}@example.com" for n in range(number)]


def test_frames_carry_the_clients_id_and_no_staff_events(shop: Shop, support: Actor) -> None:
    chat = shop.conversation()
    states.take_over(actor=support, conversation_id=chat.pk)
    types = [frame["type"] for frame in selectors.frames_for_customer(chat.pk, 0)]
    assert types == ["message_received", "conversation_state"]


def test_snapshot_holds_the_newest_messages_in_clear(shop: Shop) -> None:
    *_, chat = (shop.conversation(text=str(n)) for n in range(3))
    snapshot = selectors.snapshot_for_customer(chat.pk, limit=2)
    assert (snapshot["seq"], [line["content"] for line in snapshot["messages"]]) == (3, ["1", "2"])


def test_customers_conversation_is_found_by_his_point_only(shop: Shop) -> None:
    chat = shop.conversation()
    found = selectors.find_customer_conversation
    account = shop.chat.pk
    assert found(channel_account_id=account, kind="webchat", value="visitor-1") == chat
    assert found(channel_account_id=account, kind="webchat", value="visitor-2") is None


def test_chart_counts_every_day_of_two_weeks(shop: Shop, viewer: Actor) -> None:
    today = now()
    shop.conversation(now=today - timedelta(days=2))
    days = counts.count_by_day(viewer=viewer, now=today)
    assert len(days) == 14
    assert [day.messages for day in days][-3:] == [1, 0, 0]


def test_contact_is_shown_without_its_clear_name(shop: Shop, support: Actor) -> None:
    (chat,) = visitors(shop, 1)
    contact = selectors.read_contact(viewer=support, contact_id=chat.contact_id)
    (point,) = contact.points.all()
    assert "Luz" not in contact.masked_name + str(contact)
    assert "ana0" not in point.masked_value + str(point)


def test_widget_key_finds_its_tenant_before_any_scope(shop: Shop) -> None:
    from core.tenancy import lookups
    from core.tenancy.scope import NOTHING, _enter

    with _enter(NOTHING):
        rows = lookups.find("account_by_key", shop.chat.public_key)
    assert [(row["tenant_id"], row["id"]) for row in rows] == [(shop.world.acme.pk, shop.chat.pk)]
