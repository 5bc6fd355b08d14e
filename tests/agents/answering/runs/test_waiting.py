"""What a customer writes after a hand-off gets an answer about the wait, once for each hand-off."""

from uuid import UUID

import pytest

from agents import tasks
from conversations import services
from conversations.inbox import states
from conversations.models import Conversation, Message
from conversations.services import Draft, Sender
from core.actors import system
from core.errors import Refused
from tests.agents.conftest import Desk

AGENTS = system("agents")


def write(desk: Desk, text: str, role: str = "visitor") -> UUID:
    """Let somebody write, and the worker take it as it does."""
    message = desk.receive(text, role)
    tasks.take_message(str(message.tenant_id), str(message.pk))
    return message.conversation_id


def notices(conversation_id: UUID) -> list[str]:
    rows = Message.objects.filter(conversation_id=conversation_id, sender_type="system")
    return [message.body for message in rows.order_by("seq")]


def hand_off(conversation_id: UUID) -> None:
    services.hand_off(actor=AGENTS, conversation_id=conversation_id, reason="asked_for_person")


@pytest.mark.slow
def test_message_after_a_hand_off_is_answered_once_with_the_place_in_line(desk: Desk) -> None:
    first = desk.receive("A person, please", "support").conversation_id
    hand_off(first)
    second = desk.receive("Me too", "visitor").conversation_id
    hand_off(second)
    for text in ("Hello?", "Is anybody there?"):
        assert write(desk, text) == second
    (notice,) = notices(second)
    assert notice.startswith("Thanks, I've passed that on.")
    assert "One conversation is ahead of yours." in notice
    states.give_back(actor=desk.world.actor("support"), conversation_id=second)
    hand_off(second)
    write(desk, "And now?")
    assert len(notices(second)) == 2


@pytest.mark.parametrize("how", ["agent", "answered", "taken"])
def test_nothing_is_said_where_nobody_waits(desk: Desk, how: str) -> None:
    conversation_id = desk.receive("Hello", "visitor").conversation_id
    if how != "agent":
        hand_off(conversation_id)
    person = desk.world.actor("support")
    if how == "answered":
        services.reply(
            actor=person, conversation_id=conversation_id, draft=Draft(text="I'm on it", sender=Sender(type="person"))
        )
    if how == "taken":
        Conversation.objects.filter(pk=conversation_id).update(escalated_at=None)
    message = desk.receive("Thanks", "visitor")
    assert not services.answer_about_the_wait(actor=AGENTS, message_id=message.pk)
    assert notices(conversation_id) == []


def test_only_the_system_answers_about_the_wait(desk: Desk) -> None:
    message = desk.receive("Hello", "visitor")
    with pytest.raises(Refused):
        services.answer_about_the_wait(actor=desk.world.actor("support"), message_id=message.pk)
