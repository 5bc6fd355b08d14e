"""Endpoints of agents, their runs and what they called."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from rest_framework import serializers

from agents import configuration, selectors, services
from agents.models import Agent, AgentRun, ToolCall
from core.actors import Actor
from core.rest.fields import MaskedDocument, RowSerializer
from core.rest.operations import changes, does, lists, reads
from core.rest.views import ApiView, ListQuery


class AgentQuery(ListQuery):
    """Which agents."""

    type = serializers.ChoiceField(choices=Agent.Type.choices, default="")


class AgentSerializer(RowSerializer[Agent]):
    """Somebody artificial who answers."""

    version = serializers.IntegerField(source="newest", read_only=True, allow_null=True)

    class Meta:
        model = Agent
        fields: ClassVar[list[str]] = "id name type category is_system is_active owner_id version created_at".split()


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


class AgentChange(serializers.Serializer[Any]):
    """What to change; what is left out stays."""

    name = serializers.CharField(max_length=configuration.NAME_LIMIT, required=False)
    instructions = serializers.CharField(max_length=configuration.PROMPT_LIMIT, required=False, allow_blank=True)
    model = serializers.CharField(max_length=20, required=False, help_text="One that is configured here.")
    model_name = serializers.CharField(max_length=configuration.MODEL_NAME_LIMIT, required=False, allow_blank=True)
    tools = serializers.ListField(child=serializers.CharField(max_length=60), required=False, max_length=50)
    max_open_approvals = serializers.IntegerField(
        min_value=1,
        max_value=configuration.MOST_OPEN,
        required=False,
        allow_null=True,
        help_text="null: the desk's limit.",
    )


class AgentEdit(AgentChange):
    """A change of the version that was seen."""

    version = serializers.IntegerField(
        required=False, min_value=1, help_text="The version you have seen; 409 `stale_version` if it is not the newest."
    )


class NewAgent(AgentChange):
    """An agent of the tenant's own."""

    name = serializers.CharField(max_length=configuration.NAME_LIMIT)
    type = serializers.ChoiceField(choices=Agent.Type.choices)


class CopyName(serializers.Serializer[Any]):
    """What the copy is called."""

    name = serializers.CharField(max_length=configuration.NAME_LIMIT)


class RunQuery(ListQuery):
    """Which runs."""

    state = serializers.ChoiceField(choices=AgentRun.State.choices, default="")
    conversation = serializers.UUIDField(default=None)
    agent = serializers.UUIDField(default=None)


class RunSerializer(RowSerializer[AgentRun]):
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


class ToolCallQuery(ListQuery):
    """Which tool calls."""

    run = serializers.UUIDField(default=None)
    approval = serializers.UUIDField(default=None)


class ToolCallSerializer(RowSerializer[ToolCall]):
    """One call of a tool; arguments and result are masked."""

    arguments = MaskedDocument()
    result = MaskedDocument()

    class Meta:
        model = ToolCall
        fields: ClassVar[list[str]] = (
            "id run_id call_id name arguments result state round approval_id created_at finished_at"
        ).split()


class Agents(ApiView):
    """Agents: list, and make one."""

    permissions: ClassVar = {"GET": selectors.VIEW_AGENT, "POST": configuration.CHANGE}

    @lists("agents_list", AgentSerializer, query=AgentQuery)
    def get(self, viewer: Actor) -> QuerySet[Agent]:
        """List agents, newest first. Needs `agents.view_agent`."""
        return selectors.query_agents(viewer=viewer, type=self.asked["type"])

    @does("agents_create", NewAgent, AgentDetailSerializer, status=201)
    def post(self, actor: Actor, type: str, **said: Any) -> Agent:
        """Make an agent of your own, with its version 1. Needs `agents.change_agent`."""
        made = services.create_agent(actor=actor, type=type, setup=configuration.Setup(**_changes(said)))
        return _whole(actor, made.pk)


def _changes(said: dict[str, Any]) -> dict[str, Any]:
    return said | ({"tools": tuple(said["tools"])} if "tools" in said else {})


def _whole(viewer: Actor, agent_id: UUID) -> Agent:
    agent = selectors.get_agent(viewer=viewer, agent_id=agent_id)
    agent.setup = services.setup_of(agent)  # type: ignore[attr-defined]
    return agent


class AgentPage(ApiView):
    """One agent."""

    permissions: ClassVar = {"GET": selectors.VIEW_AGENT, "PATCH": configuration.CHANGE}

    @reads("agents_retrieve", AgentDetailSerializer)
    def get(self, viewer: Actor, agent_id: UUID) -> Agent:
        """Read an agent with its configuration. Needs `agents.view_agent`."""
        return _whole(viewer, agent_id)

    @changes("agents_update", AgentEdit, AgentDetailSerializer)
    def patch(self, actor: Actor, agent_id: UUID, version: int | None = None, **said: Any) -> Agent:
        """Change an own agent: a new version. Needs `agents.change_agent`.

        409 `built_in` for a built-in agent, `stale_version` when somebody was faster.
        """
        services.change_agent(actor=actor, agent_id=agent_id, changes=_changes(said), seen_version=version)
        return _whole(actor, agent_id)


class AgentCopy(ApiView):
    """Copies an agent."""

    permissions: ClassVar = {"POST": configuration.CHANGE}

    @does("agents_copy", CopyName, AgentDetailSerializer, status=201)
    def post(self, actor: Actor, agent_id: UUID, name: str) -> Agent:
        """Make an own agent with the configuration of this one. Needs `agents.change_agent`."""
        return _whole(actor, services.copy_agent(actor=actor, agent_id=agent_id, name=name).pk)


class AgentRetire(ApiView):
    """Switches an agent off."""

    permissions: ClassVar = {"POST": configuration.CHANGE}

    @does("agents_retire", None, AgentDetailSerializer)
    def post(self, actor: Actor, agent_id: UUID) -> Agent:
        """Switch an agent off, built in or own; safe to repeat. Needs `agents.change_agent`."""
        services.retire_agent(actor=actor, agent_id=agent_id)
        return _whole(actor, agent_id)


class AgentRestore(ApiView):
    """Switches an agent on."""

    permissions: ClassVar = {"POST": configuration.CHANGE}

    @does("agents_restore", None, AgentDetailSerializer)
    def post(self, actor: Actor, agent_id: UUID) -> Agent:
        """Switch an agent on again; safe to repeat. Needs `agents.change_agent`."""
        services.restore_agent(actor=actor, agent_id=agent_id)
        return _whole(actor, agent_id)


class Runs(ApiView):
    """Runs of agents."""

    permissions: ClassVar = {"GET": selectors.VIEW_RUN}

    @lists("agent_runs_list", RunSerializer, query=RunQuery)
    def get(self, viewer: Actor) -> QuerySet[AgentRun]:
        """List runs, newest first. Needs `agents.view_agentrun`."""
        asked = self.asked
        filters = selectors.RunFilters(asked["state"], asked["conversation"], asked["agent"])
        return selectors.query_runs(viewer=viewer, filters=filters)


class RunPage(ApiView):
    """One run."""

    permissions: ClassVar = {"GET": selectors.VIEW_RUN}

    @reads("agent_runs_retrieve", RunSerializer)
    def get(self, viewer: Actor, run_id: UUID) -> AgentRun:
        """Read a run. Needs `agents.view_agentrun`."""
        return selectors.get_run(viewer=viewer, run_id=run_id)


class ToolCalls(ApiView):
    """What agents called."""

    permissions: ClassVar = {"GET": selectors.VIEW_RUN}

    @lists("tool_calls_list", ToolCallSerializer, query=ToolCallQuery)
    def get(self, viewer: Actor) -> QuerySet[ToolCall]:
        """List tool calls, newest first, masked. Needs `agents.view_agentrun`."""
        asked = self.asked
        return selectors.query_tool_calls(viewer=viewer, run_id=asked["run"], approval_id=asked["approval"])


class ToolCallPage(ApiView):
    """One tool call."""

    permissions: ClassVar = {"GET": selectors.VIEW_RUN}

    @reads("tool_calls_retrieve", ToolCallSerializer)
    def get(self, viewer: Actor, call_id: UUID) -> ToolCall:
        """Read a tool call, masked. Needs `agents.view_agentrun`."""
        return selectors.get_tool_call(viewer=viewer, call_id=call_id)
