"""Endpoints of agents, their runs and what they called."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from agents import listing, selectors
from agents.models import Agent, AgentRun, ToolCall
from core.rest.authentication import actor_of
from core.rest.fields import MaskedDocument
from core.rest.schema import paged
from core.rest.views import ApiView, ListQuery


class AgentQuery(ListQuery):
    """Which agents."""

    type = serializers.ChoiceField(choices=Agent.Type.choices, default="")


class AgentSerializer(serializers.ModelSerializer[Agent]):
    """Somebody artificial who answers."""

    version = serializers.IntegerField(source="newest", read_only=True, allow_null=True)

    class Meta:
        model = Agent
        fields: ClassVar[list[str]] = "id name type category is_system is_active owner_id version created_at".split()
        read_only_fields = fields


class RunQuery(ListQuery):
    """Which runs."""

    state = serializers.ChoiceField(choices=AgentRun.State.choices, default="")
    conversation = serializers.UUIDField(default=None)
    agent = serializers.UUIDField(default=None)


class RunSerializer(serializers.ModelSerializer[AgentRun]):
    """One turn of an agent."""

    agent_id = serializers.UUIDField(source="agent_version.agent_id", read_only=True, default=None, allow_null=True)
    agent_name = serializers.CharField(source="agent_version.agent.name", read_only=True, default="")
    version = serializers.IntegerField(source="agent_version.number", read_only=True, default=None, allow_null=True)

    class Meta:
        model = AgentRun
        fields: ClassVar[list[str]] = (
            "id conversation_id agent_id agent_name version state trigger trigger_ref generation rounds input_tokens "
            "output_tokens error_code reply_id created_at started_at finished_at"
        ).split()
        read_only_fields = fields


class ToolCallQuery(ListQuery):
    """Which tool calls."""

    run = serializers.UUIDField(default=None)
    approval = serializers.UUIDField(default=None)


class ToolCallSerializer(serializers.ModelSerializer[ToolCall]):
    """One call of a tool; arguments and result are masked."""

    arguments = MaskedDocument()
    result = MaskedDocument()

    class Meta:
        model = ToolCall
        fields: ClassVar[list[str]] = (
            "id run_id call_id name arguments result state round approval_id created_at finished_at"
        ).split()
        read_only_fields = fields


class Agents(ApiView):
    """Agents."""

    permissions: ClassVar = {"GET": listing.VIEW_AGENT}
    query = AgentQuery

    @extend_schema(operation_id="agents_list", parameters=[AgentQuery], responses=paged(AgentSerializer))
    def get(self, request: Request) -> Response:
        """List agents, newest first. Needs `agents.view_agent`."""
        asked = self.asked
        found = listing.page_agents(
            viewer=actor_of(request), type=asked["type"], cursor=asked["cursor"], limit=asked["limit"]
        )
        return self.page(found.rows, found.cursor, AgentSerializer)


class AgentPage(ApiView):
    """One agent."""

    permissions: ClassVar = {"GET": listing.VIEW_AGENT}

    @extend_schema(operation_id="agents_retrieve", responses=AgentSerializer)
    def get(self, request: Request, agent_id: UUID) -> Response:
        """Read an agent. Needs `agents.view_agent`."""
        return Response(AgentSerializer(listing.get_agent(viewer=actor_of(request), agent_id=agent_id)).data)


class Runs(ApiView):
    """Runs of agents."""

    permissions: ClassVar = {"GET": listing.VIEW_RUN}
    query = RunQuery

    @extend_schema(operation_id="agent_runs_list", parameters=[RunQuery], responses=paged(RunSerializer))
    def get(self, request: Request) -> Response:
        """List runs, newest first. Needs `agents.view_agentrun`."""
        asked = self.asked
        filters = listing.RunFilters(asked["state"], asked["conversation"], asked["agent"])
        found = listing.page_runs(
            viewer=actor_of(request), filters=filters, cursor=asked["cursor"], limit=asked["limit"]
        )
        return self.page(found.rows, found.cursor, RunSerializer)


class RunPage(ApiView):
    """One run."""

    permissions: ClassVar = {"GET": listing.VIEW_RUN}

    @extend_schema(operation_id="agent_runs_retrieve", responses=RunSerializer)
    def get(self, request: Request, run_id: UUID) -> Response:
        """Read a run. Needs `agents.view_agentrun`."""
        return Response(RunSerializer(selectors.get_run(viewer=actor_of(request), run_id=run_id)).data)


class ToolCalls(ApiView):
    """What agents called."""

    permissions: ClassVar = {"GET": listing.VIEW_RUN}
    query = ToolCallQuery

    @extend_schema(operation_id="tool_calls_list", parameters=[ToolCallQuery], responses=paged(ToolCallSerializer))
    def get(self, request: Request) -> Response:
        """List tool calls, newest first, masked. Needs `agents.view_agentrun`."""
        asked = self.asked
        found = listing.page_tool_calls(
            viewer=actor_of(request),
            run_id=asked["run"],
            approval_id=asked["approval"],
            cursor=asked["cursor"],
            limit=asked["limit"],
        )
        return self.page(found.rows, found.cursor, ToolCallSerializer)


class ToolCallPage(ApiView):
    """One tool call."""

    permissions: ClassVar = {"GET": listing.VIEW_RUN}

    @extend_schema(operation_id="tool_calls_retrieve", responses=ToolCallSerializer)
    def get(self, request: Request, call_id: UUID) -> Response:
        """Read a tool call, masked. Needs `agents.view_agentrun`."""
        return Response(ToolCallSerializer(listing.get_tool_call(viewer=actor_of(request), call_id=call_id)).data)
