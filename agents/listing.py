"""Reading agents, their runs and what they called."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Max, QuerySet

from agents.models import Agent, AgentRun, ToolCall
from core.actors import Actor
from core.errors import NotFound

VIEW_AGENT = "agents.view_agent"
VIEW_RUN = "agents.view_agentrun"


@dataclass(frozen=True, slots=True)
class RunFilters:
    """What the list of runs is narrowed to; empty values narrow nothing."""

    state: str = ""
    conversation_id: UUID | None = None
    agent_id: UUID | None = None


def _agents() -> QuerySet[Agent]:
    agents: QuerySet[Agent] = Agent.objects.all()
    return agents.annotate(newest=Max("versions__number"))


def query_agents(*, viewer: Actor, type: str = "") -> QuerySet[Agent]:
    """Return the agents with the number of their newest version. Needs `agents.view_agent`."""
    viewer.require(VIEW_AGENT)
    return _agents().filter(type=type) if type else _agents()


def get_agent(*, viewer: Actor, agent_id: UUID) -> Agent:
    """Return one agent. Needs `agents.view_agent`; raises `NotFound`."""
    viewer.require(VIEW_AGENT)
    found = _agents().filter(pk=agent_id).first()
    if found is None:
        raise NotFound("There is no such agent.")
    return found


def query_runs(*, viewer: Actor, filters: RunFilters | None = None) -> QuerySet[AgentRun]:
    """Return the runs with agent and version. Needs `agents.view_agentrun`."""
    viewer.require(VIEW_RUN)
    wanted = filters or RunFilters()
    columns = {
        "state": wanted.state,
        "conversation_id": wanted.conversation_id,
        "agent_version__agent_id": wanted.agent_id,
    }
    rows = AgentRun.objects.filter(**{name: value for name, value in columns.items() if value})
    return rows.select_related("agent_version__agent")


def query_tool_calls(
    *, viewer: Actor, run_id: UUID | None = None, approval_id: UUID | None = None
) -> QuerySet[ToolCall]:
    """Return the tool calls. Needs `agents.view_agentrun`."""
    viewer.require(VIEW_RUN)
    columns = {"run_id": run_id, "approval_id": approval_id}
    rows: QuerySet[ToolCall] = ToolCall.objects.filter(**{name: value for name, value in columns.items() if value})
    return rows


def get_tool_call(*, viewer: Actor, call_id: UUID) -> ToolCall:
    """Return one tool call. Needs `agents.view_agentrun`; raises `NotFound`."""
    viewer.require(VIEW_RUN)
    found: ToolCall | None = ToolCall.objects.filter(pk=call_id).first()
    if found is None:
        raise NotFound("There is no such tool call.")
    return found
