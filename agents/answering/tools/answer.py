"""Passes the requester's answer on to the approvers: their own words, never a model's."""

from typing import Any
from uuid import UUID

from django.db.models import F, QuerySet

from agents.answering.runs.approval_texts import answered_sentence
from agents.answering.tools.registry import PROPOSE, Arguments, Caller, OneRequest, Tool, register, requester_through
from agents.models import AgentRunMessage, ToolCall
from core.errors import Conflict, NotFound
from hitl import services
from hitl.domain.state_machine import State
from hitl.models import Approval, Decision
from hitl.services import REASON_LIMIT


@register
class AnswerApprovers(Tool):
    """Records what the person has just written as the answer to an approver's question."""

    key = "answer_approvers"
    title = "Answer the approvers"
    ability = "pass your answer on when an approver asks about your request"
    description = (
        "Pass on what the person has just written as the answer to a question about their request. "
        "Their own words are passed on, exactly as written."
    )
    audience = "member"
    needs = PROPOSE
    arguments = OneRequest
    changes = True
    per_hour = 0

    def allows(self, caller: Caller) -> bool:
        """Allow it only while a question about one of the caller's requests is open."""
        return self.suits(caller) and _asked_about(caller).filter(state=State.INFO_REQUESTED).exists()

    def call(self, arguments: Arguments, *, caller: Caller, call_id: UUID) -> dict[str, Any]:
        reference = arguments.model_dump()["reference"]
        approval = _asked_about(caller).filter(reference=reference).first()
        if approval is None:
            raise NotFound("You have no request with this reference.")
        try:
            text = own_words(caller.run_id)
            services.answer(actor=requester_through(caller, PROPOSE), approval_id=approval.pk, text=text)
        except Conflict:
            # This very call may have passed the answer on before its worker died.
            call = ToolCall.objects.get(pk=call_id)
            answers = Decision.objects.filter(approval=approval, verdict="answer", person_id=caller.user_id)
            if not answers.filter(created_at__gte=call.created_at).exists():
                raise
        return {"reference": reference, "sentence": answered_sentence(approval)}


def _asked_about(caller: Caller) -> QuerySet[Approval]:
    """Return the requests that the member made through agents."""
    found: QuerySet[Approval] = Approval.objects.filter(requester_id=caller.user_id, tool_call_id__isnull=False)
    return found


def own_words(run_id: UUID) -> str:
    """Return what the person wrote since the run's last answer, masked and in order."""
    inputs = AgentRunMessage.objects.filter(run_id=run_id, number__gt=F("run__answered")).order_by("message__seq")
    return "\n".join(inputs.values_list("message__masked_body", flat=True))[:REASON_LIMIT]
