"""Explain an answer of an agent: its version, its sources, what it called and asked, and what that cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db.models import Q

from agents.answering import selectors
from agents.answering.guardrails import LOW
from agents.knowledge.models import Citation
from agents.llm.routes.models import ModelCall
from agents.models import AgentRun, AgentRunMessage, ToolCall
from conversations.models import Message
from core.actors import Actor

VIEW: Final = "conversations.view_conversation"
GATE: Final = "gate_"
"""How the codes of answers begin that the checks stopped."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a run answered as it did; `costs` by currency, calls and masked messages in their order."""

    run: AgentRun
    sources: Sequence[Citation]
    tool_calls: Sequence[ToolCall]
    model_calls: Sequence[ModelCall]
    messages: Sequence[Message] = ()

    @property
    def costs(self) -> dict[str, Decimal]:
        """Return what its calls of models cost, by currency; calls without a price leave nothing."""
        sums: dict[str, Decimal] = {}
        for call in self.model_calls:
            if call.price is not None:
                sums[call.currency] = sums.get(call.currency, Decimal(0)) + call.price
        return sums

    @property
    def checks(self) -> str:
        """Return "stopped" if the checks kept the answer back, "passed" if they let it through, "" without one.

        "mended" if something was taken out of it, "asked_back" if the agent asked for other words, because it wasn't
        sure.
        """
        if self.run.error_code.startswith(GATE) or self.run.error_code == LOW:
            return "stopped"
        if self.run.asked_back:
            return "asked_back"
        if self.run.mended and self.run.reply_id:
            return "mended"
        return "passed" if self.run.reply_id and self.run.trigger == AgentRun.Trigger.MESSAGE else ""

    @property
    def factors(self) -> Sequence[Mapping[str, Any]]:
        """Return what counted for or against the answer."""
        return list(self.run.confidence_factors.get("factors", ()))

    @property
    def read_foreign(self) -> bool:
        """Return True if the run read text of third parties, after which no acting tool may be called."""
        return any(call.is_foreign for call in self.tool_calls)


def explain_run(*, viewer: Actor, run_id: UUID) -> Explanation:
    """Return why a run answered as it did. Five queries.

    Needs `agents.view_agentrun`, for its messages also `conversations.view_conversation`; raises `NotFound`.
    """
    run = selectors.get_run(viewer=viewer, run_id=run_id)
    cited = Citation.objects.filter(message=run.reply_id) if run.reply_id else Citation.objects.none()
    return Explanation(
        run=run,
        sources=list(cited.select_related("document", "version").order_by("number")),
        tool_calls=list(run.tool_calls.select_related("run__conversation__contact").order_by("id")),
        model_calls=list(ModelCall.objects.filter(run=run).order_by("id")),
        messages=_messages_of(run) if viewer.may(VIEW) else (),
    )


def _messages_of(run: AgentRun) -> list[Message]:
    """Return what the run read of the customer, and what it said, without the clear texts."""
    read = Q(pk__in=AgentRunMessage.objects.filter(run=run).values("message_id"))
    said = Q(pk=run.reply_id) if run.reply_id else Q(pk=None)
    rows = Message.objects.filter(read | said, conversation_id=run.conversation_id).defer("body", "metadata")
    return list(rows.order_by("seq"))
