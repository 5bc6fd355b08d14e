"""Pass news about a request on to the requester, in their own conversation."""

from uuid import UUID

from django.db import transaction

from agents.answering.runs.approval_texts import asking_sentence, drifted_sentence
from agents.answering.runs.outcomes import find_requester_conversation
from agents.models import ToolCall
from conversations import services as conversations
from conversations.services import Draft, Sender
from core.actors import system
from core.models import Consent
from core.privacy.pii import mask_text
from core.reach.gate import NotReachable
from core.text.speech import speaking
from hitl.domain.state_machine import ASKS_BACK, State
from hitl.models import Approval, Decision, Revision

VERDICT_OF = {State.INFO_REQUESTED: "ask", State.RETURNED: "send_back"}


def relay_question(*, approval_id: UUID) -> bool:
    """Send an approver's question or reason for sending back to the requester.

    Returns False if it was not sent. For the system only. Each question is sent once, and not at all if it was
    answered in the meantime.
    Safe to repeat.
    """
    approval = Approval.objects.filter(pk=approval_id).first()
    if approval is None or approval.state not in ASKS_BACK or approval.tool_call_id is None:
        return False
    verdict = VERDICT_OF[State(approval.state)]
    asked = Decision.objects.filter(approval=approval, verdict=verdict).order_by("-id").first()
    call = ToolCall.objects.filter(pk=approval.tool_call_id).select_related("run").first()
    if asked is None or call is None:
        return False
    with speaking(call.run.conversation.spoken_language):
        text = asking_sentence(approval, mask_text(asked.reason))
    return _send(call, approval, text, client_id=asked.id)


def relay_drift(*, approval_id: UUID) -> bool:
    """Tell the requester in their conversation that their request is decided again.

    Returns False if it was not sent. For the system only. Each such revision is told once, and not at all if the
    request changed again in the meantime. Safe to repeat.
    """
    approval = Approval.objects.filter(pk=approval_id).first()
    if approval is None or not approval.drift or approval.tool_call_id is None:
        return False
    revision = Revision.objects.filter(approval=approval, revision=approval.revision, event="drift").first()
    call = ToolCall.objects.filter(pk=approval.tool_call_id).select_related("run").first()
    if revision is None or call is None:
        return False
    with speaking(call.run.conversation.spoken_language):
        text = drifted_sentence(approval)
    return _send(call, approval, mask_text(text), client_id=revision.id)


def _send(call: ToolCall, approval: Approval, text: str, *, client_id: UUID) -> bool:
    with transaction.atomic():
        conversation = find_requester_conversation(call.run)
        if conversation is None:
            return False
        try:
            conversations.reply(
                actor=system("agents"),
                conversation_id=conversation.id,
                draft=Draft(
                    text=text,
                    purpose=Consent.Purpose.SERVICE,
                    metadata={
                        "approval_id": str(approval.id),
                        "approval_state": approval.state,
                        "reference": approval.reference,
                    },
                    client_id=client_id,
                    sender=Sender(type="system", name="walker"),
                ),
            )
        except NotReachable:
            return False
    return True
