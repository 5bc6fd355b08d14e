"""What a requester answers to the signers while a person, and no agent, has his conversation."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from accounts.models import Membership
from accounts.permissions.roles import permissions_of
from agents.rule_based_model.decide import decide
from agents.rule_based_model.requester_answers import question_answered
from agents.runs.approval_texts import answered_sentence
from agents.selectors import TRANSCRIPT_LINES
from agents.tools.registry import PROPOSE
from conversations import services as conversations
from conversations.models import Conversation, Message
from core.actors import Actor, system
from core.errors import Conflict
from hitl import services as approvals
from hitl.domain.state_machine import State
from hitl.models import Approval
from hitl.services import REASON_LIMIT

_OURS = frozenset({Message.Sender.AGENT, Message.Sender.SYSTEM})


def hear_answer(*, message_id: UUID) -> bool:
    """Record a message as the answer to the signers' question, when it is one; tells whether it was.

    For the system only. No agent reads along while a person has the conversation; what a requester
    answers there is recorded all the same: his own words, masked, by the rules of the built-in model.
    Safe to repeat. Announces nothing.
    """
    message = Message.objects.filter(pk=message_id, direction=Message.Direction.IN).first()
    requester = message and _requester_in(message)
    approval = _asked_about(message) if message and requester else None
    if not (message and requester and approval):
        return False
    text = message.masked_body[:REASON_LIMIT]
    try:
        with transaction.atomic():
            approvals.answer(actor=_through(approval, requester), approval_id=approval.pk, text=text)
            conversations.reply(
                actor=system("agents"),
                conversation_id=message.conversation_id,
                text=answered_sentence(approval),
                sender_type="system",
                sender_name="walker",
                metadata={"approval_id": str(approval.pk), "reference": approval.reference},
                client_id=message.pk,
            )
    except Conflict:  # somebody was faster, or it is answered already
        return False
    return True


def _requester_in(message: Message) -> Membership | None:
    """The member who wrote it, with proof, in his own conversation that a person has now."""
    conversation = Conversation.objects.select_related("contact").get(pk=message.conversation_id)
    person = message.sender_user_id if message.sender_verified else None
    if person is None or conversation.state != Conversation.State.PERSON or conversation.contact.user_id != person:
        return None
    seats = Membership.objects.filter(user_id=person, is_active=True, user__is_active=True)
    seat: Membership | None = seats.first()
    return seat if seat and PROPOSE in permissions_of(seat.role) else None


def _asked_about(message: Message) -> Approval | None:
    """The request whose open question this message answers."""
    asked = Approval.objects.filter(requester_id=message.sender_user_id, state=State.INFO_REQUESTED)
    waiting: dict[str, Approval] = {row.reference: row for row in asked.filter(tool_call_id__isnull=False)}
    if not waiting:
        return None
    rows = Message.objects.filter(conversation_id=message.conversation_id, seq__lte=message.seq).order_by("-seq")
    told = list(rows.values_list("direction", "sender_type", "masked_body")[:TRANSCRIPT_LINES])[::-1]
    lines = [_line(*row) for row in told]
    return waiting.get(question_answered(lines, decide(lines)))


def _line(direction: str, sender_type: str, text: str) -> tuple[str, str]:
    """A colleague's words stand in between, but are no word of ours: the signers' question comes from us only."""
    if direction == Message.Direction.IN:
        return "user", text
    return "assistant", text if sender_type in _OURS else ""


def _through(approval: Approval, requester: Membership) -> Actor:
    """The member by way of the agent that asked for him, as when the agent passes his words on."""
    return Actor(
        kind="agent",
        id=approval.agent_id,
        user_id=requester.user_id,
        role="agent",
        name="listening",
        permissions=frozenset({PROPOSE}),
    )
