"""Answer what a customer writes while they wait for a person, once for each hand-off."""

from uuid import UUID, uuid5

from django.db import transaction

from conversations.models import Conversation, Message
from conversations.services import outgoing, states
from conversations.transitions import PERSON
from core.actors import Actor
from core.errors import Refused


def answer_about_the_wait(*, actor: Actor, message_id: UUID) -> bool:
    """Say that a person will reply, and how many conversations wait before.

    Returns False where nobody was asked for, somebody has replied or it was said already. Safe to repeat.
    For the system. Raises `Refused`.
    """
    if actor.kind != "system":
        raise Refused
    message = Message.objects.filter(pk=message_id, direction=Message.Direction.IN).only("conversation_id").first()
    if message is None:
        return False
    with transaction.atomic():
        conversation = states.locked(message.conversation_id)
        since = conversation.escalated_at
        if conversation.state != PERSON or since is None:
            return False
        replies = Message.objects.filter(conversation=conversation, sender_type=Message.Sender.PERSON)
        answered = uuid5(conversation.pk, f"wait {since.isoformat()}")
        told = Message.objects.filter(conversation=conversation, client_id=answered)
        if replies.filter(created_at__gte=since).exists() or told.exists():
            return False
        outgoing.reply(
            actor=actor,
            conversation_id=conversation.pk,
            text=_sentence(conversation),
            sender_type="system",
            sender_name="walker",
            client_id=answered,
        )
    return True


def _sentence(conversation: Conversation) -> str:
    if conversation.assigned_to_id is not None:
        return "Thanks, I've passed that on. The colleague who has your conversation will reply here."
    waiting = Conversation.objects.filter(state=PERSON, assigned_to=None, escalated_at__lt=conversation.escalated_at)
    ahead = waiting.count()
    place = (
        "You're next."
        if not ahead
        else "One conversation is ahead of yours."
        if ahead == 1
        else f"{ahead} conversations are ahead of yours."
    )
    return f"Thanks, I've passed that on. A colleague will reply here as soon as they can. {place}"
