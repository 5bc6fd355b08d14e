"""Taking back what was asked for in this run, while that is still possible."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.db import transaction

from agents.models import ToolCall
from agents.runs.approval_texts import kept_sentence, withdrawn_sentence
from agents.tools.registry import Arguments, Audience, Caller, OneRequest, Tool, register, requester_through
from core.errors import Conflict, NotFound
from hitl import services
from hitl.models import Approval

CANCEL = "hitl.cancel_approval"


class WithdrawRequest(Tool):
    """Cancels a request of this run in the name of the person who made it."""

    key: ClassVar[str] = "withdraw_request"
    title: ClassVar[str] = "Withdraw a request"
    ability: ClassVar[str] = "take back what you have just asked for"
    description: ClassVar[str] = (
        "Take back a request you have just asked a signature for, when the person no longer wants it."
    )
    audience: ClassVar[Audience] = "member"
    needs: ClassVar[str] = CANCEL
    arguments: ClassVar[type[Arguments]] = OneRequest

    def allows(self, caller: Caller) -> bool:
        """Only where the run has asked for something, and only to who may cancel."""
        if not self.suits(caller):
            return False
        return ToolCall.objects.filter(run_id=caller.run_id, approval_id__isnull=False).exists()

    def call(self, arguments: Arguments, *, caller: Caller, call_id: UUID) -> dict[str, Any]:
        reference = arguments.model_dump()["reference"]
        asked = Approval.objects.filter(
            reference=reference, run_id=caller.run_id, requester_id=caller.user_id, tool_call_id__isnull=False
        )
        approval = asked.first()
        if approval is None:
            raise NotFound("There is no such request of yours in this conversation.")
        try:
            sentence = _withdraw(approval, caller)
        except Conflict:
            sentence = kept_sentence(asked.get())
        return {"reference": reference, "sentence": sentence}


@transaction.atomic
def _withdraw(approval: Approval, caller: Caller) -> str:
    """Cancel, and let the call that asked say so: its outcome is told here and by nobody else."""
    asking = ToolCall.objects.select_for_update().get(pk=approval.tool_call_id)
    sentence = withdrawn_sentence(approval)
    asking.result |= {"state": "cancelled", "sentence": sentence, "withdrawn": True}
    # The same wish, said once more, is another request.
    asking.fingerprint, asking.call_id = "", f"{asking.call_id[:60]}~{asking.pk.hex[-16:]}"
    asking.save(update_fields=["result", "fingerprint", "call_id"])
    services.cancel(
        actor=requester_through(caller, CANCEL), approval_id=approval.pk, reason="Taken back in the conversation."
    )
    return sentence


def register_all() -> None:
    """Register the tool."""
    register(WithdrawRequest)
