"""Merging contacts: what moves, what an address never gains, what arrives meanwhile, and taking it back."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import connection

from agents.memory.models import ContactFact
from agents.memory.recall import recall
from agents.memory.services import list_facts
from conversations import selectors, services
from conversations.contacts import contacts, known_people
from conversations.contacts.selectors import directory
from conversations.inbox.threads.notes import add_note
from conversations.merges import merges
from conversations.merges.merges import merge_contacts, undo_merge
from conversations.merges.selectors import preview_merge
from conversations.messages import reach
from conversations.models import (
    AudienceSend,
    ChannelAccount,
    Contact,
    ContactMerge,
    ContactPoint,
    ContactTag,
    Conversation,
    Message,
)
from conversations.types import SenderIdentity
from core.clock import now
from core.errors import Conflict, Invalid, NotFound, Refused
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from tests.conversations.conftest import AGENT, Shop, make_shop
from tests.world import World

PHONE = SenderIdentity("phone", "+34 600 123 456", verified=True, display_name="Anna Berg")
MAIL = SenderIdentity("email", "anna@quill.example", verified=False, display_name="Anna Berg")
WHY = "She named her address anna@quill.example on the phone."


def _mailbox() -> ChannelAccount:
    return ChannelAccount.objects.get_or_create(
        kind="email", provider="sendgrid", name="Mail", address="hi@shop.example"
    )[0]


def _talks(shop: Shop) -> tuple[Conversation, Conversation]:
    """A conversation by phone, whose number is proven, and one by mail, whose sender nobody has proven."""
    line = shop.write("By phone", channel_account_id=shop.line.pk, sender=PHONE)
    mail = shop.write("By mail", channel_account_id=_mailbox().pk, sender=MAIL, thread="t1")
    return line.conversation, mail.conversation


def _merge(shop: Shop, gone: UUID, kept: UUID, reason: str = WHY) -> ContactMerge:
    return merge_contacts(actor=shop.world.actor("support"), contact_id=gone, into_id=kept, reason=reason)


@pytest.mark.slow
@pytest.mark.django_db
def test_merged_contact_gives_its_things_to_the_other_and_gets_them_back(shop: Shop) -> None:
    support = shop.world.actor("support")
    line, mail = _talks(shop)
    kept, gone = line.contact_id, mail.contact_id
    for contact_id, name in ((kept, "vip"), (gone, "vip"), (gone, "Munich")):
        contacts.add_tag(actor=support, contact_id=contact_id, name=name)
    known_people.revise_contact(actor=support, contact_id=gone, language="de")
    AudienceSend.objects.create(send_key="sale", contact_id=gone)
    Conversation.objects.filter(pk=mail.pk).update(last_person=support.user_id)
    ContactFact.objects.create(contact_id=gone, kind="company", value="Quill", masked_value="Quill")

    plan = preview_merge(viewer=support, contact_id=gone, into_id=kept)
    assert (plan.addresses, plan.conversations, plan.open_conversations, list(plan.tags)) == (1, 1, 1, ["Munich"])
    assert not Contact.objects.exclude(merged_into=None).exists()
    merge = _merge(shop, gone, kept)

    assert set(ContactPoint.objects.values_list("contact_id", flat=True)) == {kept}
    assert set(Conversation.objects.values_list("contact_id", flat=True)) == {kept}
    assert sorted(ContactTag.objects.filter(contact=kept).values_list("name", flat=True)) == ["Munich", "vip"]
    assert Contact.objects.get(pk=kept).language == "de"
    assert AudienceSend.objects.filter(send_key="sale", contact=kept).exists()
    assert [fact.value for fact in list_facts(viewer=support, contact_id=kept)] == ["Quill"]
    assert [row.pk for row in directory.query_contacts(viewer=support)] == [kept]
    assert "She named her address" in merge.masked_reason
    assert "anna@quill" not in merge.masked_reason
    for contact_id in (kept, gone):
        told = AuditEntry.objects.get(action="CONTACT_MERGED", object_id=contact_id).facts
        assert (told["into"], told["merged"], told["conversations"]) == (str(kept), str(gone), 1)
    assert "quill" not in str(AuditEntry.objects.filter(action="CONTACT_MERGED").values_list("facts", flat=True))

    again = shop.write("Once more", channel_account_id=_mailbox().pk, sender=MAIL, thread="t1")
    fresh = shop.write("Something else", channel_account_id=_mailbox().pk, sender=MAIL, thread="t2")
    assert (again.conversation_id, again.sender_id, fresh.sender_id) == (mail.pk, kept, kept)
    with pytest.raises(Conflict, match="merged"):
        contacts.add_tag(actor=support, contact_id=gone, name="late")
    contacts.add_tag(actor=support, contact_id=kept, name="since")

    undo_merge(actor=support, contact_id=gone)
    points = dict(ContactPoint.objects.values_list("kind", "contact_id"))
    assert (points, set(ContactPoint.objects.values_list("origin_id", flat=True))) == (
        {"phone": kept, "email": gone},
        {None},
    )
    assert set(Conversation.objects.filter(contact=gone, origin=None).values_list("pk", flat=True)) == {
        mail.pk,
        fresh.conversation_id,
    }
    assert sorted(ContactTag.objects.filter(contact=kept).values_list("name", flat=True)) == ["since", "vip"]
    assert sorted(ContactTag.objects.filter(contact=gone).values_list("name", flat=True)) == ["Munich", "vip"]
    assert Contact.objects.get(pk=kept).language == ""
    assert AuditEntry.objects.filter(action="CONTACT_MERGE_UNDONE").count() == 2
    assert shop.write("Back", channel_account_id=_mailbox().pk, sender=MAIL, thread="t1").sender_id == gone


@pytest.mark.slow
@pytest.mark.django_db
def test_address_that_came_with_a_merge_gains_nothing_of_the_others(shop: Shop) -> None:
    support, admin = shop.world.actor("support"), shop.world.actor("admin")
    line, mail = _talks(shop)
    kept, gone = line.contact_id, mail.contact_id
    services.link_contact_to_user(actor=admin, contact_id=kept, user_id=support.user_id)
    ContactFact.objects.create(contact_id=kept, kind="company", value="Secret Ltd", masked_value="Secret Ltd")
    _merge(shop, gone, kept)
    # Even a sender with proof of the mail address is not the colleague whose number is linked.
    proven = SenderIdentity("email", "anna@quill.example", verified=True)
    said = shop.write("Pay me", channel_account_id=_mailbox().pk, sender=proven, thread="t1")
    assert (said.sender_id, said.sender_verified, said.sender_user_id) == (kept, True, None)
    assert shop.write("By phone", channel_account_id=shop.line.pk, sender=PHONE).sender_user_id == support.user_id
    assert Contact.objects.get(pk=gone).user_id is None
    # What agents recall there, and where answers go, is of the mail address alone.
    talk = Conversation.objects.get(pk=said.conversation_id)
    assert (talk.record_id, talk.record.user_id, recall(talk.record_id, proven_only=False)) == (gone, None, [])
    fitting, others = reach._points(talk, ("email", "phone"), every=True)
    assert ([point.kind for point in fitting], len(others)) == (["email"], 1)
    fitting, _ = reach._points(Conversation.objects.get(pk=line.pk), ("email", "phone"))
    assert [point.kind for point in fitting] == ["phone"]
    # A thread's token or id is of use to its own address only.
    assert not selectors.conversations_of(ContactPoint.objects.filter(kind="email")).filter(pk=line.pk).exists()
    with pytest.raises(Conflict, match="merged"):
        services.link_contact_to_user(actor=admin, contact_id=gone, user_id=support.user_id)
    services.link_contact_to_user(actor=admin, contact_id=gone, user_id=None)


@pytest.mark.slow
@pytest.mark.django_db
def test_names_of_all_merged_contacts_are_hidden_in_the_conversations_of_each(shop: Shop) -> None:
    support = shop.world.actor("support")
    line, mail = _talks(shop)
    chat = shop.write("Chat", sender=SenderIdentity("webchat", "visitor-3")).conversation
    called = {line.pk: "Xqvor Trelp", mail.pk: "Zwyk Ombral", chat.pk: "Quirl Vesno"}  # no rule knows these
    for talk in (line, mail, chat):
        known_people.revise_contact(actor=support, contact_id=talk.contact_id, name=called[talk.pk])
    all_of_them = "or xqvor trelp, zwyk ombral and quirl vesno"
    _merge(shop, mail.contact_id, line.contact_id)
    merge = _merge(shop, chat.contact_id, line.contact_id, reason=f"Signed {all_of_them}")
    shown = {"the reason of a merge": merge.masked_reason}
    for talk, account, sender, thread in (
        (line, shop.line, PHONE, ""),
        (mail, _mailbox(), MAIL, "t1"),
        (chat, shop.chat, SenderIdentity("webchat", "visitor-3"), ""),
    ):
        written = shop.write(f"in {all_of_them}", channel_account_id=account.pk, sender=sender, thread=thread)
        place = {"conversation_id": talk.pk, "text": f"re {all_of_them}"}
        suggested = services.suggest_reply(actor=AGENT, reason="gate_claim", **place)
        reply = services.Draft(text=place["text"], sender=services.Sender(type="person"))
        sent = services.reply(actor=support, conversation_id=talk.pk, draft=reply)
        noted = add_note(actor=support, **place)
        for what, row in (("message", written), ("suggestion", suggested), ("reply", sent), ("note", noted)):
            shown[f"{what} to {called[talk.pk]}"] = row.masked_body
    names = ("xqvor", "trelp", "zwyk", "ombral", "quirl", "vesno")
    assert {where: words for where, words in shown.items() if any(name in words for name in names)} == {}


@pytest.mark.slow
@pytest.mark.django_db
def test_visitor_of_a_page_never_sees_the_other_visitors_chat(shop: Shop) -> None:
    known, stranger = (SenderIdentity("webchat", f"visitor-{name}") for name in ("known", "stranger"))
    mine, theirs = (shop.write(f"Of {who.value}", sender=who).conversation for who in (known, stranger))
    _merge(shop, theirs.contact_id, mine.contact_id)
    find = selectors.find_customer_conversation
    for who, talk in ((known, mine), (stranger, theirs)):
        found = find(channel_account_id=shop.chat.pk, kind="webchat", value=who.value)
        assert found is not None
        assert found.pk == talk.pk
        assert shop.write("More", sender=who).conversation_id == talk.pk
        # Also after it is closed, and reopened by the next message.
        services.close(actor=shop.world.actor("support"), conversation_id=talk.pk, resolved=True)
        assert shop.write("And more", sender=who).conversation_id == talk.pk
    # An id of the other's message, sent again, is a new message here.
    twin = uuid4()
    first = shop.write("First", sender=known, client_id=twin)
    assert shop.write("Second", sender=stranger, client_id=twin).pk != first.pk


@pytest.mark.django_db
def test_merge_is_refused_with_a_reason(shop: Shop) -> None:
    support, viewer, admin = (shop.world.actor(role) for role in ("support", "viewer", "admin"))
    line, mail = _talks(shop)
    kept, gone = line.contact_id, mail.contact_id
    with pytest.raises(Refused):
        merge_contacts(actor=viewer, contact_id=gone, into_id=kept, reason=WHY)
    with pytest.raises(Refused):
        undo_merge(actor=viewer, contact_id=gone)
    for into, reason, problem in (
        (gone, WHY, Invalid),
        (kept, " \n", Invalid),
        (kept, "x" * 501, Invalid),
        (uuid4(), WHY, NotFound),
    ):
        with pytest.raises(problem):
            _merge(shop, gone, into, reason)
    with pytest.raises(Conflict, match="isn't merged"):
        undo_merge(actor=support, contact_id=gone)
    with pytest.raises(NotFound):
        undo_merge(actor=support, contact_id=uuid4())
    with tenant_scope(shop.world.globex.pk):
        outsider = shop.world.outsider()
        with pytest.raises(NotFound):
            merge_contacts(actor=outsider, contact_id=gone, into_id=kept, reason=WHY)
        with pytest.raises(NotFound):
            undo_merge(actor=outsider, contact_id=gone)
    for contact_id, who in ((kept, support), (gone, admin)):
        services.link_contact_to_user(actor=admin, contact_id=contact_id, user_id=who.user_id)
    with pytest.raises(Conflict) as refused:
        _merge(shop, gone, kept)
    assert refused.value.code == "different_colleagues"
    assert not ContactMerge.objects.exists()


@pytest.mark.slow
@pytest.mark.django_db
def test_chain_of_merges_is_undone_from_its_end_and_in_time(shop: Shop) -> None:
    support = shop.world.actor("support")
    line, mail = _talks(shop)
    third = shop.write("Chat", sender=SenderIdentity("webchat", "visitor-3")).conversation
    _merge(shop, mail.contact_id, line.contact_id)
    last = _merge(shop, line.contact_id, third.contact_id)
    assert set(Conversation.objects.values_list("contact_id", flat=True)) == {third.contact_id}
    assert Contact.objects.get(pk=mail.contact_id).merged_into_id == third.contact_id
    with pytest.raises(Conflict) as refused:
        undo_merge(actor=support, contact_id=mail.contact_id)
    assert refused.value.code == "merged_further"
    with pytest.raises(Conflict) as refused:
        undo_merge(actor=support, contact_id=line.contact_id, now=last.merged_at + merges.UNDO_WITHIN)
    assert refused.value.code == "too_late"
    undo_merge(actor=support, contact_id=line.contact_id, now=now() + timedelta(days=13))
    assert Conversation.objects.get(pk=mail.pk).origin_id == mail.contact_id
    assert Conversation.objects.get(pk=mail.pk).contact_id == line.contact_id
    undo_merge(actor=support, contact_id=mail.contact_id)
    whose = dict(Conversation.objects.values_list("pk", "contact_id"))
    assert whose == {talk.pk: talk.contact_id for talk in (line, mail, third)}


@pytest.mark.slow
@pytest.mark.django_db
def test_comparison_says_what_speaks_for_it_masked(shop: Shop) -> None:
    support = shop.world.actor("support")
    line, mail = _talks(shop)
    plan = preview_merge(viewer=support, contact_id=mail.contact_id, into_id=line.contact_id)
    assert {sign.code for sign in plan.signs} == {"same_name", "not_proven", "no_evidence"}
    shop.write("My mail is Anna@Quill.example", channel_account_id=shop.line.pk, sender=PHONE)
    proven = SenderIdentity("email", "anna@quill.example", verified=True)
    shop.write("Call 600-123 456", channel_account_id=_mailbox().pk, sender=proven, thread="t1")
    plan = preview_merge(viewer=support, contact_id=mail.contact_id, into_id=line.contact_id)
    assert [sign.code for sign in plan.signs if sign.tone == "good"] == ["names_the_address"] * 2
    assert "quill" not in str([sign.words for sign in plan.signs])
    assert "123 456" not in str(plan.signs)
    with pytest.raises(Refused):
        preview_merge(viewer=shop.world.actor("viewer"), contact_id=mail.contact_id, into_id=line.contact_id)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_messages_that_arrive_meanwhile_are_all_kept_by_one_contact(world: World) -> None:
    """Both contacts get messages from several workers while they are merged and taken apart again and again."""
    with tenant_scope(world.acme.pk):
        shop = make_shop(world)
        line, mail = _talks(shop)
        box, kept, gone = _mailbox().pk, line.contact_id, mail.contact_id
    done, problems = threading.Event(), []

    def write(sender: SenderIdentity, account: UUID, thread: str) -> int:
        count = 0
        with tenant_scope(world.acme.pk):
            while not done.is_set() and count < 300:
                try:
                    shop.write(f"No {count}", channel_account_id=account, sender=sender, thread=thread)
                    count += 1
                except Conflict:
                    pass  # a channel delivers it again
                except Exception as problem:  # noqa: BLE001  (shown by the test)
                    problems.append(problem)
                    break
        connection.close()
        return count

    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(write, *args) for args in ((PHONE, shop.line.pk, ""), (MAIL, box, "t1"), (MAIL, box, "t1"))]
        with tenant_scope(world.acme.pk):
            for _ in range(15):
                _merge(shop, gone, kept)
                undo_merge(actor=world.actor("support"), contact_id=gone)
            _merge(shop, gone, kept)
        done.set()
        written = sum(job.result() for job in jobs)
    assert problems == []
    with tenant_scope(world.acme.pk):
        assert Message.objects.count() == written + 2
        assert set(Conversation.objects.values_list("contact_id", flat=True)) == {kept}
        assert set(ContactPoint.objects.values_list("contact_id", flat=True)) == {kept}
        assert Conversation.objects.exclude(state="closed").count() == 2
