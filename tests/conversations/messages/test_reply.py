"""A message goes out: who may write where, and what everybody gets to see."""

from typing import Any
from uuid import uuid4

import pytest

from conversations import selectors, services
from conversations.inbox import states
from conversations.models import Conversation, Message
from conversations.services import Draft, Sender
from core.actors import Actor, system
from core.errors import Conflict, Invalid, NotFound, Refused
from core.events import streams
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from tests.conversations.conftest import AGENT, DOOR, Shop
from tests.world import World


@pytest.fixture
def chat(shop: Shop) -> Conversation:
    """A conversation by web chat that an agent answers."""
    return shop.conversation()


def test_agents_reply_by_web_chat_is_sent_with_its_event(chat: Conversation) -> None:
    message = services.reply(actor=AGENT, conversation_id=chat.pk, draft=Draft(text="Hi"))
    event = streams.read(chat.stream, 0)[-1]
    assert (event.type, event.seq, message.status) == ("agent_response", message.seq, "sent")


def test_reply_by_phone_is_queued(shop: Shop) -> None:
    asked = shop.call()
    message = services.reply(actor=AGENT, conversation_id=asked.conversation_id, draft=Draft(text="Hi"))
    assert message.status == "queued"


def test_repeated_client_id_returns_the_first_reply(chat: Conversation) -> None:
    key = uuid4()
    sent = [
        services.reply(actor=AGENT, conversation_id=chat.pk, draft=Draft(text=text, client_id=key))
        for text in ("one", "two")
    ]
    assert sent[0].pk == sent[1].pk


def test_person_who_replies_takes_the_conversation(chat: Conversation, support: Actor) -> None:
    services.reply(actor=support, conversation_id=chat.pk, draft=Draft(text="Hi", sender=Sender(type="person")))
    chat.refresh_from_db()
    assert (chat.state, chat.assigned_to_id) == ("person", support.user_id)


def test_nobody_answers_over_a_colleague_or_the_agent_unasked(chat: Conversation, support: Actor, shop: Shop) -> None:
    colleague = shop.world.actor("admin")
    first = services.reply(actor=AGENT, conversation_id=chat.pk, draft=Draft(text="Hi"))

    def write(actor: Actor, after: int, **more: Any) -> Message:
        draft = Draft(text="Hello", sender=Sender(type="person"), after=after, **more)
        return services.reply(actor=actor, conversation_id=chat.pk, draft=draft)

    for seen, name in ((first.seq - 1, "The agent"), (0, "The agent")):
        with pytest.raises(Conflict, match=f"{name} replied while you were writing") as refused:
            write(colleague, seen)
        assert (refused.value.code, refused.value.facts["seq"]) == ("answered_meanwhile", first.seq)
    key = uuid4()
    second = write(colleague, first.seq, client_id=key)
    assert write(colleague, first.seq, client_id=key).pk == second.pk  # a repeat is no answer over one's own
    third = write(colleague, first.seq)  # one's own answers count as seen
    with pytest.raises(Conflict, match="A colleague replied while you were writing"):
        write(support, first.seq)
    assert Message.objects.filter(direction="out").count() == 3
    assert write(support, third.seq).seq > third.seq
    services.reply(actor=support, conversation_id=chat.pk, draft=Draft(text="Unasked", sender=Sender(type="person")))


def test_agent_may_not_write_over_a_person(chat: Conversation, support: Actor) -> None:
    states.take_over(actor=support, conversation_id=chat.pk)
    with pytest.raises(Conflict) as refused:
        services.reply(actor=AGENT, conversation_id=chat.pk, draft=Draft(text="Hi"))
    assert refused.value.code == "person_has_it"


def test_system_may_write_over_a_person(chat: Conversation, support: Actor) -> None:
    states.take_over(actor=support, conversation_id=chat.pk)
    services.reply(
        actor=system("x"), conversation_id=chat.pk, draft=Draft(text="Approved", sender=Sender(type="system"))
    )
    assert Message.objects.filter(sender_type="system").exists()


def test_closed_conversation_takes_no_reply(chat: Conversation, support: Actor) -> None:
    services.close(actor=support, conversation_id=chat.pk, resolved=True)
    with pytest.raises(Conflict):
        services.reply(actor=support, conversation_id=chat.pk, draft=Draft(text="Hi", sender=Sender(type="person")))


@pytest.mark.parametrize("text", ["", " ", "x" * 4097])
def test_empty_or_too_long_reply_is_invalid(chat: Conversation, text: str) -> None:
    with pytest.raises(Invalid):
        services.reply(actor=AGENT, conversation_id=chat.pk, draft=Draft(text=text))


def test_viewer_may_not_reply(chat: Conversation, viewer: Actor) -> None:
    with pytest.raises(Refused):
        services.reply(actor=viewer, conversation_id=chat.pk, draft=Draft(text="Hi", sender=Sender(type="person")))
    assert Message.objects.filter(direction="out").count() == 0


@pytest.mark.parametrize("name", ["agent", "system", "customer"])
def test_person_may_not_write_in_another_name(chat: Conversation, support: Actor, name: str) -> None:
    with pytest.raises(Refused):
        services.reply(actor=support, conversation_id=chat.pk, draft=Draft(text="Hi", sender=Sender(type=name)))  # type: ignore[arg-type]


def test_outsiders_reply_is_not_found(chat: Conversation, world: World) -> None:
    with tenant_scope(world.globex.pk), pytest.raises(NotFound):
        services.reply(
            actor=world.outsider(), conversation_id=chat.pk, draft=Draft(text="Hi", sender=Sender(type="person"))
        )


def test_reply_is_masked_for_staff_and_clear_for_the_customer(chat: Conversation) -> None:
    services.reply(actor=AGENT, conversation_id=chat.pk, draft=Draft(text="I wrote to ana@example.com"))
    frame = selectors.frames_for_customer(chat.pk, 1)[0]
    assert frame["content"] == "I wrote to ana@example.com"
    assert "ana@" not in str(streams.read(chat.stream, 1)[0].payload)


def test_persons_reply_is_audited_without_its_text(chat: Conversation, support: Actor) -> None:
    services.reply(actor=support, conversation_id=chat.pk, draft=Draft(text="Secret", sender=Sender(type="person")))
    entry = AuditEntry.objects.order_by("-seq").first()
    assert entry.action == "MESSAGE_SENT"
    assert "Secret" not in str(entry.facts)


def test_customer_who_read_moves_sent_messages_to_read(chat: Conversation) -> None:
    message = services.reply(actor=AGENT, conversation_id=chat.pk, draft=Draft(text="Hi"))
    services.mark_read(actor=DOOR, conversation_id=chat.pk, seq=message.seq)
    message.refresh_from_db()
    assert message.status == "read"


def test_staff_cannot_mark_as_read_for_the_customer(chat: Conversation, support: Actor) -> None:
    with pytest.raises(Refused):
        services.mark_read(actor=support, conversation_id=chat.pk, seq=9)
