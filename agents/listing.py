"""Agents, runs and tool calls page by page."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Max, QuerySet

from agents.models import Agent, AgentRun, ToolCall
from core.actors import Actor
from core.errors import NotFound
from core.keyset import PAGE, Page, page_of

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


def page_agents(*, viewer: Actor, type: str = "", cursor: str = "", limit: int = PAGE) -> Page[Agent]:
    """Return a page of agents with the number of their newest version. Needs `agents.view_agent`. One query."""
    viewer.require(VIEW_AGENT)
    rows = _agents().filter(type=type) if type else _agents()
    return page_of(rows, cursor=cursor, limit=limit)


def get_agent(*, viewer: Actor, agent_id: UUID) -> Agent:
    """Return one agent. Needs `agents.view_agent`; raises `NotFound`."""
    viewer.require(VIEW_AGENT)
    found = _agents().filter(pk=agent_id).first()
    if found is None:
        raise NotFound("There is no such agent.")
    return found


def page_runs(
    *, viewer: Actor, filters: RunFilters | None = None, cursor: str = "", limit: int = PAGE
) -> Page[AgentRun]:
    """Return a page of runs with agent and version, newest first. Needs `agents.view_agentrun`. One query."""
    viewer.require(VIEW_RUN)
    wanted = filters or RunFilters()
    columns = {
        "state": wanted.state,
        "conversation_id": wanted.conversation_id,
        "agent_version__agent_id": wanted.agent_id,
    }
    rows = AgentRun.objects.filter(**{name: value for name, value in columns.items() if value})
    return page_of(rows.select_related("agent_version__agent"), cursor=cursor, limit=limit)


def page_tool_calls(
    *, viewer: Actor, run_id: UUID | None = None, approval_id: UUID | None = None, cursor: str = "", limit: int = PAGE
) -> Page[ToolCall]:
    """Return a page of tool calls, newest first, their arguments masked. Needs `agents.view_agentrun`. One query."""
    viewer.require(VIEW_RUN)
    columns = {"run_id": run_id, "approval_id": approval_id}
    rows = ToolCall.objects.filter(**{name: value for name, value in columns.items() if value})
    return page_of(rows, cursor=cursor, limit=limit)


def get_tool_call(*, viewer: Actor, call_id: UUID) -> ToolCall:
    """Return one tool call. Needs `agents.view_agentrun`; raises `NotFound`."""
    viewer.require(VIEW_RUN)
    found: ToolCall | None = ToolCall.objects.filter(pk=call_id).first()
    if found is None:
        raise NotFound("There is no such tool call.")
    return found
