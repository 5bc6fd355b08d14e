"""Endpoints of agents, their runs and what they called."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from agents import listing, selectors, services
from agents.models import Agent, AgentRun, ToolCall
from agents.services import managing
from core.rest.authentication import actor_of
from core.rest.fields import MaskedDocument
from core.rest.idempotent import once
from core.rest.schema import paged
from core.rest.views import ApiView, ListQuery, body_of


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


class AgentDetailSerializer(AgentSerializer):
    """An agent with the configuration of its newest version."""

    instructions = serializers.CharField(source="setup.instructions", read_only=True)
    model = serializers.CharField(source="setup.model", read_only=True)
    model_name = serializers.CharField(source="setup.model_name", read_only=True)
    tools = serializers.ListField(source="setup.tools", child=serializers.CharField(), read_only=True)
    max_open_approvals = serializers.IntegerField(source="setup.max_open_approvals", read_only=True, allow_null=True)

    class Meta(AgentSerializer.Meta):
        fields: ClassVar[list[str]] = [
            *AgentSerializer.Meta.fields,
            *"instructions model model_name tools max_open_approvals".split(),
        ]
        read_only_fields = fields


class AgentChange(serializers.Serializer[Any]):
    """What to change; what is left out stays."""

    name = serializers.CharField(max_length=managing.NAME_LIMIT, required=False)
    instructions = serializers.CharField(max_length=managing.PROMPT_LIMIT, required=False, allow_blank=True)
    model = serializers.CharField(max_length=20, required=False, help_text="One that is configured here.")
    model_name = serializers.CharField(max_length=managing.MODEL_NAME_LIMIT, required=False, allow_blank=True)
    tools = serializers.ListField(child=serializers.CharField(max_length=60), required=False, max_length=50)
    max_open_approvals = serializers.IntegerField(
        min_value=1, max_value=managing.MOST_OPEN, required=False, allow_null=True, help_text="null: the desk's limit."
    )


class AgentEdit(AgentChange):
    """A change of the version that was seen."""

    version = serializers.IntegerField(
        required=False, min_value=1, help_text="The version you have seen; 409 `stale_version` if it is not the newest."
    )


class NewAgent(AgentChange):
    """An agent of the tenant's own."""

    name = serializers.CharField(max_length=managing.NAME_LIMIT)
    type = serializers.ChoiceField(choices=Agent.Type.choices)


class CopyName(serializers.Serializer[Any]):
    """What the copy is called."""

    name = serializers.CharField(max_length=managing.NAME_LIMIT)


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
    """Agents: list, and make one."""

    permissions: ClassVar = {"GET": listing.VIEW_AGENT, "POST": managing.CHANGE}
    query = AgentQuery

    @extend_schema(operation_id="agents_list", parameters=[AgentQuery], responses=paged(AgentSerializer))
    def get(self, request: Request) -> Response:
        """List agents, newest first. Needs `agents.view_agent`."""
        asked = self.asked
        found = listing.page_agents(
            viewer=actor_of(request), type=asked["type"], cursor=asked["cursor"], limit=asked["limit"]
        )
        return self.page(found.rows, found.cursor, AgentSerializer)

    @extend_schema(operation_id="agents_create", request=NewAgent, responses={201: AgentDetailSerializer})
    @once
    def post(self, request: Request) -> Response:
        """Make an agent of your own, with its version 1. Needs `agents.change_agent`."""
        said = body_of(request, NewAgent)
        kind = said.pop("type")
        agent = services.create_agent(actor=actor_of(request), type=kind, setup=_setup(said))
        return _shown(request, agent.pk, status=201)


def _setup(said: dict[str, Any]) -> managing.Setup:
    return managing.Setup(**_changes(said))


def _changes(said: dict[str, Any]) -> dict[str, Any]:
    return said | ({"tools": tuple(said["tools"])} if "tools" in said else {})


def _shown(request: Request, agent_id: UUID, *, status: int = 200) -> Response:
    agent = listing.get_agent(viewer=actor_of(request), agent_id=agent_id)
    agent.setup = services.setup_of(agent)  # type: ignore[attr-defined]
    return Response(AgentDetailSerializer(agent).data, status=status)


class AgentPage(ApiView):
    """One agent."""

    permissions: ClassVar = {"GET": listing.VIEW_AGENT, "PATCH": managing.CHANGE}

    @extend_schema(operation_id="agents_retrieve", responses=AgentDetailSerializer)
    def get(self, request: Request, agent_id: UUID) -> Response:
        """Read an agent with its configuration. Needs `agents.view_agent`."""
        return _shown(request, agent_id)

    @extend_schema(operation_id="agents_update", request=AgentEdit, responses=AgentDetailSerializer)
    def patch(self, request: Request, agent_id: UUID) -> Response:
        """Change an own agent: a new version. Needs `agents.change_agent`.

        409 `built_in` for a built-in agent, `stale_version` when somebody was faster.
        """
        said = body_of(request, AgentEdit)
        seen = said.pop("version", None)
        services.change_agent(actor=actor_of(request), agent_id=agent_id, changes=_changes(said), seen_version=seen)
        return _shown(request, agent_id)


class AgentCopy(ApiView):
    """Copies an agent."""

    permissions: ClassVar = {"POST": managing.CHANGE}

    @extend_schema(operation_id="agents_copy", request=CopyName, responses={201: AgentDetailSerializer})
    @once
    def post(self, request: Request, agent_id: UUID) -> Response:
        """Make an own agent with the configuration of this one. Needs `agents.change_agent`."""
        name = body_of(request, CopyName)["name"]
        agent = services.copy_agent(actor=actor_of(request), agent_id=agent_id, name=name)
        return _shown(request, agent.pk, status=201)


class AgentRetire(ApiView):
    """Switches an agent off."""

    permissions: ClassVar = {"POST": managing.CHANGE}

    @extend_schema(operation_id="agents_retire", request=None, responses=AgentDetailSerializer)
    @once
    def post(self, request: Request, agent_id: UUID) -> Response:
        """Switch an agent off, built in or own; safe to repeat. Needs `agents.change_agent`."""
        services.retire_agent(actor=actor_of(request), agent_id=agent_id)
        return _shown(request, agent_id)


class AgentRestore(ApiView):
    """Switches an agent on."""

    permissions: ClassVar = {"POST": managing.CHANGE}

    @extend_schema(operation_id="agents_restore", request=None, responses=AgentDetailSerializer)
    @once
    def post(self, request: Request, agent_id: UUID) -> Response:
        """Switch an agent on again; safe to repeat. Needs `agents.change_agent`."""
        services.restore_agent(actor=actor_of(request), agent_id=agent_id)
        return _shown(request, agent_id)


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
