"""Passing on what signers want to know from the requester, in his own conversation."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from agents.models import ToolCall
from agents.runs.approval_texts import asking_sentence
from agents.runs.outcomes import place_of
from conversations import services as conversations
from core.actors import system
from core.privacy.pii import mask_text
from hitl.domain.state_machine import ASKS_BACK, State
from hitl.models import Approval, Decision

SAID_BY = {State.INFO_REQUESTED: "ask", State.RETURNED: "send_back"}


def relay_asking(*, approval_id: UUID) -> bool:
    """Say in the requester's conversation what signers ask, or why they sent it back; tells whether it did.

    For the system only. Each question is said once, however often this is called; one that was
    answered meanwhile is not said any more. Announces nothing.
    """
    approval = Approval.objects.filter(pk=approval_id).first()
    if approval is None or approval.state not in ASKS_BACK or approval.tool_call_id is None:
        return False
    rows = Decision.objects.filter(approval=approval, verdict=SAID_BY[State(approval.state)]).order_by("-id")
    asked, call = rows.first(), ToolCall.objects.filter(pk=approval.tool_call_id).select_related("run").first()
    if asked is None or call is None:
        return False
    return _say(call, approval, asked)


def _say(call: ToolCall, approval: Approval, asked: Decision) -> bool:
    with transaction.atomic():
        place = place_of(call.run)
        if place is None:
            return False
        conversations.reply(
            actor=system("agents"),
            conversation_id=place.id,
            text=asking_sentence(approval, mask_text(asked.reason)),
            sender_type="system",
            sender_name="walker",
            metadata={
                "approval_id": str(approval.id),
                "approval_state": approval.state,
                "reference": approval.reference,
            },
            client_id=asked.id,
        )
    return True
