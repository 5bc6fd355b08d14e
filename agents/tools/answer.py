"""Passing on what the requester answers to the signers' question, in his own words and never a model's."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet

from agents.models import AgentRunMessage, ToolCall
from agents.runs.approval_texts import answered_sentence
from agents.tools.registry import PROPOSE, Arguments, Audience, Caller, OneRequest, Tool, register, requester_through
from core.errors import Conflict, NotFound
from hitl import services
from hitl.domain.state_machine import State
from hitl.models import Approval, Decision
from hitl.services import REASON_LIMIT


class AnswerSigners(Tool):
    """Records what the person has just written as his answer to those who asked about his request."""

    key: ClassVar[str] = "answer_signers"
    title: ClassVar[str] = "Answer the signers"
    ability: ClassVar[str] = "pass your answer on when somebody who may sign asks about your request"
    description: ClassVar[str] = (
        "Pass on what the person has just written as the answer to a question about his request. "
        "His own words are passed on, exactly as he wrote them."
    )
    audience: ClassVar[Audience] = "member"
    needs: ClassVar[str] = PROPOSE
    arguments: ClassVar[type[Arguments]] = OneRequest

    def allows(self, caller: Caller) -> bool:
        """Only while a question about a request of his is open."""
        return self.suits(caller) and _asked_about(caller).filter(state=State.INFO_REQUESTED).exists()

    def call(self, arguments: Arguments, *, caller: Caller, call_id: UUID) -> dict[str, Any]:
        reference = arguments.model_dump()["reference"]
        approval = _asked_about(caller).filter(reference=reference).first()
        if approval is None:
            raise NotFound("There is no such request of yours.")
        try:
            text = own_words(caller.run_id)
            services.answer(actor=requester_through(caller, PROPOSE), approval_id=approval.pk, text=text)
        except Conflict:
            if not _is_answered(approval, caller, call_id):
                raise
        return {"reference": reference, "sentence": answered_sentence(approval)}


def _asked_about(caller: Caller) -> QuerySet[Approval]:
    """Return the requests that the member made through agents."""
    found: QuerySet[Approval] = Approval.objects.filter(requester_id=caller.user_id, tool_call_id__isnull=False)
    return found


def _is_answered(approval: Approval, caller: Caller, call_id: UUID) -> bool:
    """Whether this very call had passed the answer on before its worker died."""
    call = ToolCall.objects.get(pk=call_id)
    answers = Decision.objects.filter(approval=approval, verdict="answer", person_id=caller.user_id)
    return bool(answers.filter(created_at__gte=call.created_at).exists())


def own_words(run_id: UUID) -> str:
    """Return what the person wrote since the run's last answer, masked, in order."""
    inputs = AgentRunMessage.objects.filter(run_id=run_id, answered_at=None).order_by("message__seq")
    return "\n".join(inputs.values_list("message__masked_body", flat=True))[:REASON_LIMIT]


def register_all() -> None:
    """Register the tool."""
    register(AnswerSigners)
