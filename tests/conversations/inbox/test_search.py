"""Search by words: within the tenant, masked text only, and nothing of it in an address."""

from contextvars import Context
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from conversations import selectors
from conversations.inbox.admin.search import excerpt
from conversations.inbox.selectors import search
from conversations.models import Conversation
from conversations.selectors import ConversationFilters
from conversations.types import SenderIdentity
from core.actors import Actor
from core.errors import Invalid
from core.tenancy.scope import tenant_scope
from tests.conversations.conftest import Shop
from tests.world import World

SEARCH, INBOX = "/admin/conversations/conversation/search/", "/admin/inbox/"


def said(shop: Shop, text: str, who: str = "one") -> Conversation:
    return shop.conversation(text=text, sender=SenderIdentity(kind="webchat", value=who, display_name=who))


def found(viewer: Actor, q: str) -> list[Any]:
    page = selectors.list_conversations(viewer=viewer, filters=ConversationFilters(q=q))
    return [row.pk for row in page.rows]


@pytest.fixture
def owner(world: World) -> Client:
    client = Client()
    client.force_login(world.people["owner"], backend="accounts.backends.RoleBackend")
    return client


@pytest.mark.parametrize("q", ["refund", "REFUND shoes", "shoe", "Schön", "o'clock", "50", "refund\\", "a'b refund"])
def test_words_find_the_message_they_stand_in(shop: Shop, viewer: Actor, q: str) -> None:
    talk = said(shop, "A b refund of 50 euro at five o'clock for shoes, schön!")
    said(shop, "Nothing of that", "two")
    assert found(viewer, q) == [talk.pk]


@pytest.mark.parametrize("q", ["refund hat", "efund", "%", "' | '", "!refund", "refund & hat", "zzz"])
def test_words_that_are_not_all_there_find_nothing(shop: Shop, viewer: Actor, q: str) -> None:
    said(shop, "A reply about shoes" if q == "!refund" else "A refund for shoes")
    assert found(viewer, q) == []


@pytest.mark.slow
@pytest.mark.parametrize(("words", "places"), [("refund", [7, 6]), ("shoes", [3, 1]), ("hat", [4]), ("zzz", [])])
def test_newest_messages_are_found_whether_words_are_common_or_rare(shop: Shop, words: str, places: list[int]) -> None:
    talks = [
        said(shop, text, str(place))
        for place, text in enumerate(["hats", "shoes", "a refund", "shoes", "hat", "coats", "a refund", "my refund"])
    ]
    with connection.cursor() as cursor:  # twice as many of the newest are looked at first
        cursor.execute(
            "select conversation_id from walker_search_messages(%s, %s)", [words, 2 if words != "hat" else 1]
        )
        assert [row[0] for row in cursor.fetchall()] == [talks[place].pk for place in places]


def test_personal_data_is_not_found_by_a_part(shop: Shop, viewer: Actor) -> None:
    said(shop, "Mail me at ana.luz@example.com or call +34 600 123 456")
    assert [found(viewer, q) for q in ("ana", "luz", "example", "600", "123456")] == [[]] * 5


def test_another_tenant_finds_nothing(shop: Shop, world: World) -> None:
    said(shop, "A refund for shoes")
    with tenant_scope(world.globex.pk):
        assert found(world.outsider(), "refund") == []


def asked_for(words: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute("select * from walker_search_messages(%s, 9)", [words])
        return list(cursor.fetchall())


def test_function_answers_in_a_scope_only(shop: Shop) -> None:
    said(shop, "A refund for shoes")
    assert len(asked_for("refund")) == 1
    assert Context().run(asked_for, "refund") == []


def test_function_is_the_resolvers_and_gives_out_ids(shop: Shop) -> None:
    query = "select prosecdef, pg_get_userbyid(proowner), proargnames from pg_proc where proname = %s"
    with connection.cursor() as cursor:
        cursor.execute(query, ["walker_search_messages"])
        assert cursor.fetchall() == [(True, "walker_resolver", ["asked", "most", "id", "conversation_id"])]


def test_search_is_one_query(shop: Shop, viewer: Actor, django_assert_num_queries: Any) -> None:
    for number in range(3):
        said(shop, f"A refund number {number}", str(number))
    with django_assert_num_queries(1):
        assert len(found(viewer, "refund")) == 3


@pytest.mark.parametrize("words", ["ana@example.com", "+34 600 123 456"])
def test_personal_data_is_refused_in_an_address(words: str) -> None:
    with pytest.raises(Invalid, match="POST"):
        search.refuse_personal(words)


def test_box_leads_to_a_list_whose_address_says_nothing(shop: Shop, owner: Client) -> None:
    said(shop, "Before all else a refund for shoes")
    answer = owner.post(f"{SEARCH}?view=closed", {"words": "refund"})
    page = owner.get(answer["Location"]).content.decode()
    assert answer["Location"].startswith(f"{INBOX}?view=closed&found=")
    assert "refund" not in answer["Location"]
    assert "a refund for shoes" in page
    assert 'value="refund"' in page


def test_search_of_a_colleague_is_not_shown(shop: Shop, world: World, owner: Client) -> None:
    said(shop, "A refund for shoes")
    address = owner.post(SEARCH, {"words": "refund"})["Location"]
    other = Client()
    other.force_login(world.people["support"], backend="accounts.backends.RoleBackend")
    page = other.get(address).content.decode()
    assert "for shoes" not in page
    assert "This search has expired" in page


def test_search_that_is_forgotten_says_so(shop: Shop, owner: Client) -> None:
    said(shop, "A refund for shoes")
    page = owner.get(f"{INBOX}?found={'x' * 16}").content.decode()
    assert "This search has expired" in page
    assert "for shoes" not in page


def test_excerpt_shows_where_the_word_stands() -> None:
    assert "refund" in excerpt("x" * 300 + " refund " + "y" * 300, "refund")
