"""Record a requester's answer to an approver while a person has the conversation."""

from uuid import UUID

from django.db import transaction

from accounts.models import Membership
from accounts.permissions.roles import permissions_of, with_role
from agents.answering.runs.approval_texts import answered_sentence
from agents.answering.selectors import TRANSCRIPT_LINES
from agents.answering.tools.registry import PROPOSE
from agents.llm import registry
from agents.llm.ports import Role
from conversations import services as conversations
from conversations.models import Conversation, Message
from conversations.services import Draft, Sender
from core.actors import Actor, system
from core.errors import Conflict
from core.text.speech import speaking
from hitl import services as approvals
from hitl.domain.state_machine import State
from hitl.models import Approval
from hitl.services import REASON_LIMIT

_OURS = frozenset({Message.Sender.AGENT, Message.Sender.SYSTEM})


def record_requester_answer(*, message_id: UUID) -> bool:
    """Record a message as the answer to an approver's question.

    Return False if it is not one.
    For the system only. No agent runs while a person has the conversation, so rules detect the answer here,
    for every model. The requester's own words are recorded, masked. Safe to repeat.
    """
    message = Message.objects.filter(pk=message_id, direction=Message.Direction.IN).first()
    if message is None or message.sender_user_id is None or not message.sender_verified:
        return False
    # Only the proven member in their own conversation, while a person has it.
    conversation = Conversation.objects.select_related("contact").get(pk=message.conversation_id)
    if conversation.state != Conversation.State.PERSON or conversation.record.user_id != message.sender_user_id:
        return False
    members = Membership.objects.filter(user_id=message.sender_user_id, is_active=True, user__is_active=True)
    requester = with_role(members).first()
    if requester is None or PROPOSE not in permissions_of(requester.role, requester.own_permissions):
        return False
    approval = _asked_about(message)
    if approval is None:
        return False
    text = message.masked_body[:REASON_LIMIT]
    # The agent that made the request, acting for its requester, as when it passes an answer on itself.
    agent = Actor(
        kind="agent",
        id=approval.agent_id,
        user_id=requester.user_id,
        role="agent",
        name="listening",
        permissions=frozenset({PROPOSE}),
    )
    try:
        with transaction.atomic():
            conversations.hold_streams(conversation)
            approvals.answer(actor=agent, approval_id=approval.pk, text=text)
            with speaking(conversation.spoken_language):
                passed_on = answered_sentence(approval)
            conversations.reply(
                actor=system("agents"),
                conversation_id=message.conversation_id,
                draft=Draft(
                    text=passed_on,
                    metadata={"approval_id": str(approval.pk), "reference": approval.reference},
                    client_id=message.pk,
                    sender=Sender(type="system", name="walker"),
                ),
            )
    except Conflict:  # answered or changed by somebody else in the meantime
        return False
    return True


def _asked_about(message: Message) -> Approval | None:
    """Return the request whose open question this message answers."""
    asked = Approval.objects.filter(requester_id=message.sender_user_id, state=State.INFO_REQUESTED)
    waiting: dict[str, Approval] = {row.reference: row for row in asked.filter(tool_call_id__isnull=False)}
    if not waiting:
        return None
    rows = Message.objects.filter(conversation_id=message.conversation_id, seq__lte=message.seq).order_by("-seq")
    newest = list(rows.values_list("direction", "sender_type", "masked_body")[:TRANSCRIPT_LINES])
    lines: list[tuple[Role, str]] = [
        # A colleague's text is emptied: only ours can be the approver's question.
        ("user", text) if direction == Message.Direction.IN else ("assistant", text if sender in _OURS else "")
        for direction, sender, text in reversed(newest)
    ]
    return waiting.get(registry.question_answered(lines))
