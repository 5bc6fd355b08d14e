"""Erase what agents keep about people: the arguments and results of their calls."""

from __future__ import annotations

from typing import ClassVar

from agents.models import AgentRun, ToolCall
from core.clock import now
from core.privacy.erasure.person import Person
from core.privacy.erasure.registry import HANDLERS, Batch, ErasureHandler, Step, Table, emptied

State = AgentRun.State


def _calls(person: Person, after: str, limit: int) -> Batch:
    rows = ToolCall.objects.filter(run__conversation_id__in=person.ids("conversations"))
    left = rows.exclude(arguments={}, result={}, fingerprint="")
    return emptied(left, limit, arguments={}, result={}, fingerprint="")


class AgentsErasure(ErasureHandler):
    """Erases the tool calls in a person's conversations."""

    order: ClassVar[int] = 40
    tables: ClassVar[tuple[Table, ...]] = (
        Table("agents.ToolCall", "The tool and the number of the call.", "arguments result fingerprint",
              "call_id name"),
        Table("agents.AgentRun", "A code.", kept="error_code"),
        Table("agents.Agent", "The organisation's own definitions.", kept="name configuration"),
        Table("agents.AgentVersion", "The organisation's own definitions.",
              kept="prompt tools orchestrator model model_name"),
        Table("agents.ModelRoute", "The organisation's own definitions.",
              kept="name base_url key model currency embedding_model"),
        Table("agents.Budget", "The organisation's own definitions.", kept="currency"),
        Table("agents.Spend", "A day or month.", kept="label"),
        Table("agents.ModelCall", "Names of models and codes; numbers say what it cost.",
              kept="route_name model channel factors currency reserved_on"),
    )  # fmt: skip
    steps: ClassVar[tuple[Step, ...]] = (Step("calls", "Calls of tools", _calls),)

    @classmethod
    def in_the_way(cls, person: Person) -> list[str]:
        """Return why erasure has to wait: a run in progress may still write."""
        rows = AgentRun.objects.filter(conversation_id__in=person.ids("conversations"))
        return ["agent_at_work"] if rows.filter(state__in=(State.QUEUED, State.RUNNING)).exists() else []

    @classmethod
    def detach(cls, person: Person) -> None:
        """End queued runs so that no agent starts on the person's messages."""
        rows = AgentRun.objects.filter(conversation_id__in=person.ids("conversations"), state=State.QUEUED)
        rows.update(state=State.FINISHED, finished_at=now(), error_code="erased", lease_until=None)


HANDLERS.register("agents", AgentsErasure)
