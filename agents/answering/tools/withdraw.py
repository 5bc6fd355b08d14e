"""Withdraws what this run requested, while that is still possible."""

from typing import Any
from uuid import UUID

from django.db import transaction

from agents.answering.runs.approval_texts import kept_sentence, withdrawn_sentence
from agents.answering.tools.registry import Arguments, Caller, OneRequest, Tool, register, requester_through
from agents.models import ToolCall
from core.errors import Conflict, NotFound
from hitl import services
from hitl.models import Approval

CANCEL = "hitl.cancel_approval"


@register
class WithdrawRequest(Tool):
    """Cancels a request of this run on behalf of its requester."""

    key = "withdraw_request"
    title = "Withdraw a request"
    ability = "withdraw what you've just requested"
    description = "Withdraw a request you have just made for the person, when they no longer want it."
    audience = "member"
    needs = CANCEL
    arguments = OneRequest
    changes = True
    per_hour = 0

    def allows(self, caller: Caller) -> bool:
        """Allow it only where the run requested something and the caller may cancel it."""
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
            raise NotFound("You have no request with this reference in this conversation.")
        try:
            sentence = _withdraw(approval, caller)
        except Conflict:
            sentence = kept_sentence(asked.get())
        return {"reference": reference, "sentence": sentence}


@transaction.atomic
def _withdraw(approval: Approval, caller: Caller) -> str:
    """Cancel the request and mark its call, so that its outcome is reported here and nowhere else."""
    asking = ToolCall.objects.select_for_update().get(pk=approval.tool_call_id)
    sentence = withdrawn_sentence(approval)
    asking.result |= {"state": "cancelled", "sentence": sentence, "withdrawn": True}
    # The same wish, repeated later, is another request.
    asking.fingerprint, asking.call_id = "", f"{asking.call_id[:60]}~{asking.pk.hex[-16:]}"
    asking.save(update_fields=["result", "fingerprint", "call_id"])
    services.cancel(
        actor=requester_through(caller, CANCEL), approval_id=approval.pk, reason="Withdrawn in the conversation."
    )
    return sentence
