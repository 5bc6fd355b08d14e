"""Tags of conversations: who makes them, what merging moves, and what colleagues do at once."""

import re
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test import Client

from conversations import selectors, services
from conversations.contacts import contacts
from conversations.inbox.selectors import tags
from conversations.inbox.tags import change_tags, create_tag, delete_tag, merge_tags, revise_tag
from conversations.models import ContactTag, Conversation, ConversationTag, Tag
from conversations.types import SenderIdentity
from core.errors import Conflict, Invalid, NotFound, Refused
from core.events import streams
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from tests.conversations.conftest import Shop, make_shop
from tests.world import World

pytestmark = pytest.mark.slow


def tag(shop: Shop, name: str, **more: str) -> Tag:
    """Let an administrator make a tag."""
    return create_tag(actor=shop.world.actor("admin"), name=name, **more)


def names(shop: Shop, talk: Conversation) -> list[str]:
    """The tags of a conversation."""
    found = tags.tags_of_conversations(viewer=shop.world.actor("support"), conversation_ids=[talk.pk])
    return [one.name for one in found.get(talk.pk, ())]


@pytest.mark.django_db
def test_tags_are_made_by_who_manages_and_put_on_by_who_answers(shop: Shop) -> None:
    admin, support, talk = shop.world.actor("admin"), shop.world.actor("support"), shop.conversation()
    returns, refunds = tag(shop, "  Returns ", colour="warn"), tag(shop, "Refunds")
    assert returns.name == "Returns"
    for actor, name, colour, problem in (
        (support, "Mine", "info", Refused),
        (admin, "rEtUrNs", "info", Conflict),
        (admin, "<b>", "info", Invalid),
        (admin, "", "info", Invalid),
        (admin, "x" * 61, "info", Invalid),
        (admin, "Fine", "pink", Invalid),
    ):
        with pytest.raises(problem):
            create_tag(actor=actor, name=name, colour=colour)
    with pytest.raises(Refused):
        change_tags(actor=shop.world.actor("viewer"), conversation_id=talk.pk, add=[returns.pk])
    for _ in range(2):  # safe to repeat
        change_tags(actor=support, conversation_id=talk.pk, add=[returns.pk, refunds.pk])
    assert names(shop, talk) == ["Refunds", "Returns"]
    assert AuditEntry.objects.filter(action="CONVERSATION_TAGGED", object_id=talk.pk).count() == 1
    assert [row.type for row in streams.read("inbox", 0)].count("conversation_tagged") == 1
    with pytest.raises(Invalid):
        change_tags(actor=support, conversation_id=talk.pk, add=[uuid4()], remove=[refunds.pk])
    many = [tag(shop, f"Tag {number}").pk for number in range(19)]
    with pytest.raises(Invalid, match="at most 20"):
        change_tags(actor=support, conversation_id=talk.pk, add=many)
    assert names(shop, talk) == ["Refunds", "Returns"]
    services.close(actor=support, conversation_id=talk.pk, resolved=True)
    change_tags(actor=support, conversation_id=talk.pk, remove=[refunds.pk, uuid4()])
    assert names(shop, talk) == ["Returns"]
    with tenant_scope(shop.world.globex.pk):
        other = shop.world.outsider()
        assert list(tags.query_tags(viewer=other)) == []
        with pytest.raises(NotFound):
            merge_tags(actor=other, tag_id=returns.pk, into_id=refunds.pk)


@pytest.mark.django_db
def test_merged_tag_leaves_the_other_on_conversations_and_contacts(shop: Shop) -> None:
    admin, support = shop.world.actor("admin"), shop.world.actor("support")
    old, new = tag(shop, "Retouren"), tag(shop, "Returns")
    one, two = shop.conversation(), shop.call().conversation
    change_tags(actor=support, conversation_id=one.pk, add=[old.pk, new.pk])
    change_tags(actor=support, conversation_id=two.pk, add=[old.pk])
    contacts.add_tag(actor=support, contact_id=one.contact_id, name="Retouren")
    contacts.add_tag(actor=support, contact_id=one.contact_id, name="Returns")
    contacts.add_tag(actor=support, contact_id=two.contact_id, name="Retouren")
    with pytest.raises(Invalid):
        merge_tags(actor=admin, tag_id=old.pk, into_id=old.pk)
    with pytest.raises(Conflict):
        merge_tags(actor=admin, tag_id=old.pk, into_id=new.pk, seen_version=7)
    with pytest.raises(Refused):
        merge_tags(actor=support, tag_id=old.pk, into_id=new.pk)
    merge_tags(actor=admin, tag_id=old.pk, into_id=new.pk, seen_version=1)
    assert (names(shop, one), names(shop, two)) == (["Returns"], ["Returns"])
    assert sorted(ContactTag.objects.values_list("contact_id", "name")) == sorted(
        [(one.contact_id, "Returns"), (two.contact_id, "Returns")]
    )
    entry = AuditEntry.objects.get(action="TAG_MERGED")
    assert (entry.facts["conversations"], entry.facts["contacts"]) == (1, 1)
    revise_tag(actor=admin, tag_id=new.pk, name="Sent back", colour="info", seen_version=1)
    assert set(ContactTag.objects.values_list("name", flat=True)) == {"Sent back"}
    delete_tag(actor=admin, tag_id=new.pk, seen_version=2)
    assert (names(shop, one), ContactTag.objects.count()) == ([], 2)


@pytest.mark.django_db
def test_form_changes_only_what_was_pressed_and_list_is_narrowed(shop: Shop) -> None:
    talk, support = shop.conversation(), shop.world.actor("support")
    mine, theirs, gone = (tag(shop, name) for name in ("Mine", "Theirs", "Gone"))
    change_tags(actor=support, conversation_id=talk.pk, add=[gone.pk])
    client = Client()
    client.force_login(shop.world.people["support"], backend="accounts.backends.RoleBackend")
    url = f"/admin/conversations/conversation/{talk.pk}/"
    assert re.search(rf'value="{gone.pk}"[^>]*checked', client.get(f"{url}tags/").content.decode())
    change_tags(actor=support, conversation_id=talk.pk, add=[theirs.pk])  # by a colleague, meanwhile
    sent = {"tags": [str(mine.pk)], "seen": f"{gone.pk} nonsense"}
    assert client.post(f"{url}tags/", sent).status_code == 302
    assert names(shop, talk) == ["Mine", "Theirs"]
    assert client.post(f"{url}tags/", {"tags": [str(uuid4())], "seen": ""}).status_code == 400
    assert "Theirs" in client.get(url).content.decode()
    shop.call()
    listed = client.get("/admin/inbox/", {"view": "open", "tag": str(theirs.pk)}).content.decode()
    assert (listed.count("wk-row-link"), "Theirs" in listed) == (1, True)
    found = selectors.list_conversations(viewer=support, filters=selectors.ConversationFilters(tag=theirs.pk))
    assert [row.pk for row in found.rows] == [talk.pk]


@pytest.mark.django_db(transaction=True)
def test_tagging_and_merging_at_once_lose_nothing(committed_world: World) -> None:
    with tenant_scope(committed_world.acme.pk):
        shop = make_shop(committed_world)
        visitors = [SenderIdentity(kind="webchat", value=f"visitor-{number}") for number in range(8)]
        talks = [shop.conversation(sender=visitor) for visitor in visitors]
        old, new = tag(shop, "Old"), tag(shop, "New")
        support, admin = shop.world.actor("support"), shop.world.actor("admin")

    def work(number: int) -> None:
        try:
            with tenant_scope(shop.world.acme.pk):
                if number == 4:
                    merge_tags(actor=admin, tag_id=old.pk, into_id=new.pk)
                    return
                ids: list[UUID] = [old.pk, new.pk]
                try:
                    change_tags(actor=support, conversation_id=talks[number].pk, add=ids)
                except Invalid:  # the old one is gone already
                    change_tags(actor=support, conversation_id=talks[number].pk, add=[new.pk])
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    with tenant_scope(shop.world.acme.pk):
        tagged = ConversationTag.objects.filter(tag=new)
        assert sorted(tagged.values_list("conversation_id", flat=True)) == sorted(
            talk.pk for number, talk in enumerate(talks) if number != 4
        )
        assert not Tag.objects.filter(pk=old.pk).exists()
