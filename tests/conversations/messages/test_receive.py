"""A customer's message comes in: once, in order, into the one open conversation."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection

from conversations import services
from conversations.models import Contact, ContactPoint, Conversation, Message
from conversations.types import InboundMedia, SenderIdentity
from core.actors import Actor
from core.clock import now
from core.errors import Invalid, NotFound, Refused
from core.events import streams
from core.models import Outbox
from core.tenancy.scope import tenant_scope
from tests.conversations.conftest import VISITOR, Shop
from tests.world import World

SECRET = "Write to ana.lopez@example.com or call +34 600 123 456"


def test_first_message_opens_a_conversation_with_an_agent(shop: Shop) -> None:
    message = shop.write("Hi")
    assert (message.seq, message.conversation.state) == (1, "agent")


def test_messages_are_numbered_in_order(shop: Shop) -> None:
    assert [shop.write(str(n)).seq for n in range(3)] == [1, 2, 3]


def test_same_provider_id_twice_returns_the_first(shop: Shop) -> None:
    first = shop.write("one", external_id="SM1")
    assert shop.write("two", external_id="SM1").pk == first.pk
    assert Message.objects.count() == 1


def test_same_client_id_twice_returns_the_first(shop: Shop) -> None:
    client_id = uuid4()
    first = shop.write("one", client_id=client_id)
    assert shop.write("two", client_id=client_id).pk == first.pk


def test_same_client_id_of_another_visitor_is_another_message(shop: Shop) -> None:
    client_id = uuid4()
    first = shop.write(client_id=client_id)
    other = SenderIdentity(kind="webchat", value="visitor-2")
    assert shop.write(client_id=client_id, sender=other).pk != first.pk


@pytest.mark.parametrize("key", ["external_id", "client_id"])
def test_late_repeat_does_not_reopen_a_closed_conversation(shop: Shop, key: str) -> None:
    same = {key: uuid4() if key == "client_id" else "SM9"}
    first = shop.write(**same)
    services.close(actor=shop.world.actor("support"), conversation_id=first.conversation_id, resolved=True)
    assert shop.write(**same).pk == first.pk
    assert Conversation.objects.get().state == "closed"


def test_repeat_announces_nothing_again(shop: Shop) -> None:
    for _ in range(2):
        shop.write(external_id="SM1")
    assert Outbox.objects.filter(event="message_received").count() == 1


def test_received_message_is_announced_with_its_conversation(shop: Shop) -> None:
    message = shop.write()
    row = Outbox.objects.get(event="message_received")
    assert (row.ref, row.payload) == (message.pk, {"conversation": str(message.conversation_id)})


@pytest.mark.parametrize(("days", "same"), [(6.9, True), (7.1, False)])
def test_message_after_closing_reopens_within_seven_days(shop: Shop, days: float, same: bool) -> None:
    first = shop.conversation()
    closed = now()
    services.close(actor=shop.world.actor("support"), conversation_id=first.pk, resolved=True, now=closed)
    again = shop.write(now=closed + timedelta(days=days))
    assert (again.conversation_id == first.pk) is same
    assert again.conversation.state == "agent"


def test_reopened_conversation_forgets_that_it_was_resolved(shop: Shop) -> None:
    first = shop.conversation()
    services.close(actor=shop.world.actor("support"), conversation_id=first.pk, resolved=True)
    shop.write()
    first.refresh_from_db()
    assert (first.resolved, first.closed_at) == (None, None)


@pytest.mark.parametrize("text", ["x" * 4097, "", "   \n"])
def test_text_too_long_or_empty_is_invalid_and_stores_nothing(shop: Shop, text: str) -> None:
    with pytest.raises(Invalid):
        shop.write(text)
    assert not Contact.objects.exists()


def test_refusal_of_long_text_states_the_limit(shop: Shop) -> None:
    with pytest.raises(Invalid) as refused:
        shop.write("x" * 4097)
    assert refused.value.facts["limit"] == 4096


def test_longest_text_is_kept_whole(shop: Shop) -> None:
    assert Message.objects.get(pk=shop.write("é" * 4096).pk).body == "é" * 4096


@pytest.mark.parametrize("text", ["a\0b", "a\ud800b", "\\u0000"])
def test_text_the_database_cannot_hold_is_mended_not_lost(shop: Shop, text: str) -> None:
    message = shop.write(text, metadata={"quoted": text})
    assert Message.objects.get(pk=message.pk).body.startswith(text[0])


def test_metadata_beyond_the_limit_is_invalid(shop: Shop) -> None:
    with pytest.raises(Invalid):
        shop.write(metadata={"a": "x" * 20_000})


def test_other_tenants_channel_account_is_not_found(shop: Shop) -> None:
    with tenant_scope(shop.world.globex.pk), pytest.raises(NotFound):
        shop.write()


def test_inactive_channel_account_is_not_found(shop: Shop) -> None:
    shop.write()
    type(shop.chat).objects.update(is_active=False)
    with pytest.raises(NotFound):
        shop.write()


def test_staff_may_not_write_as_the_customer(shop: Shop, support: Actor) -> None:
    from conversations.types import InboundMessage

    with pytest.raises(Refused):
        services.receive(actor=support, inbound=InboundMessage(shop.chat.pk, VISITOR, "Hi"))


def test_masked_body_and_stream_hold_no_personal_data(shop: Shop) -> None:
    message = shop.write(SECRET)
    event = streams.read(message.conversation.stream, 0)[0]
    assert "ana.lopez" not in message.masked_body + str(event.payload)
    assert "600" not in message.masked_body + event.payload["text"]  # ids and times may have these digits


def test_raw_tables_hold_no_clear_text(shop: Shop) -> None:
    shop.call(SECRET, metadata={"profile": "Ana López"})
    with connection.cursor() as cursor:
        for table in ("message", "contact", "contactpoint", "conversation"):
            cursor.execute(f"select row_to_json(t)::text, t.* from conversations_{table} t")
            raw = repr(cursor.fetchall())
            assert "ana.lopez" not in raw
            assert "600123456" not in raw
            assert "López" not in raw


def test_phone_in_another_spelling_is_the_same_contact(shop: Shop) -> None:
    for spelling in ("+34600123456", "whatsapp:+34 600 123 456"):
        shop.write(sender=SenderIdentity(kind="phone", value=spelling))
    assert ContactPoint.objects.count() == 1


def test_verified_colleague_is_linked_to_his_user(shop: Shop) -> None:
    user = shop.world.people["support"]
    shop.write(sender=SenderIdentity("member", str(user.pk), verified=True, user_id=user.pk))
    assert Contact.objects.get().user_id == user.pk


@pytest.mark.parametrize("verified", [True, False])
def test_unproven_or_foreign_colleague_is_not_linked(shop: Shop, verified: bool) -> None:
    people = shop.world.outsiders if verified else shop.world.people
    user = people["owner"]
    shop.write(sender=SenderIdentity("member", str(user.pk), verified=verified, user_id=user.pk))
    assert Contact.objects.get().user_id is None


def test_media_are_kept_as_ids_with_the_source_sealed(shop: Shop) -> None:
    photo = InboundMedia("image/png", source="https://provider/photo?secret", size=10)
    message = shop.write("", content_type="image", media=(photo,))
    attachment = message.attachments.get()
    assert message.media == [{"id": str(attachment.pk), "content_type": "image/png", "size": 10}]
    assert attachment.source == photo.source


def test_same_visitor_in_another_tenant_is_another_contact(shop: Shop, world: World) -> None:
    shop.write()
    with tenant_scope(world.globex.pk):
        assert not Contact.objects.exists()


def test_link_keeps_who_made_it_and_another_cannot_take_it_over(shop: Shop) -> None:
    user = shop.world.people["support"]
    contact_id = shop.conversation().contact_id
    for role in ("admin", "owner"):
        services.link_contact_to_user(actor=shop.world.actor(role), contact_id=contact_id, user_id=user.pk)
    assert Contact.objects.get().linked_by_id == shop.world.people["admin"].pk


def test_sender_is_kept_as_he_was_proven(shop: Shop) -> None:
    user = shop.world.people["support"]
    proven = [
        shop.write(sender=SenderIdentity("member", str(user.pk), verified=verified, user_id=user.pk))
        for verified in (True, False)
    ]
    kept = [(message.sender_verified, message.sender_user_id) for message in proven]
    assert kept == [(True, user.pk), (False, None)]
