"""Endpoints of agents and their versions."""

from typing import Any, ClassVar, Final
from uuid import UUID

from django.db.models import QuerySet
from django_filters import ChoiceFilter
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.mixins import RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from accounts.permissions import shares
from agents import selectors, services
from agents.langflow.connection import FLOW_LIMIT
from agents.models import Agent, AgentActivation, AgentVersion
from agents.studio.agents import activation, configuration, gallery, portability
from core.rest.fields import RowSerializer
from core.rest.filters import ApiFilterSet
from core.rest.idempotency import idempotent
from core.rest.views import ListViewSet

LIMITS_HELP: Final = "By a tool's key, the teams in whose conversations it works. A tool without any works in all."
FLOW_HELP: Final = "Of Langflow, for the model `langflow`: its id, or its address."


class ToolTeams(serializers.DictField):
    """The teams that tools are limited to, by the tool's key."""

    child = serializers.ListField(child=serializers.UUIDField(), max_length=100)


class AgentFilters(ApiFilterSet):
    """The filters of agents."""

    type = ChoiceFilter(choices=gallery.types())


class AgentSerializer(RowSerializer[Agent]):
    """An agent. `version` is the one that answers; `draft_version` is being worked on."""

    version = serializers.IntegerField(
        source="active_version.number", read_only=True, default=None, allow_null=True, help_text="null: none yet."
    )
    draft_version = serializers.IntegerField(
        source="draft_number", read_only=True, allow_null=True, help_text="null: there is no draft."
    )

    class Meta:
        model = Agent
        fields: ClassVar[list[str]] = (
            "id name type category is_system is_active owner_id version draft_version created_at"
        ).split()


class AgentVersionSerializer(RowSerializer[AgentVersion]):
    """A version of an agent's configuration."""

    instructions = serializers.CharField(source="prompt", read_only=True)
    tools = serializers.ListField(child=serializers.CharField(), read_only=True)
    tool_teams = ToolTeams(read_only=True, help_text=LIMITS_HELP)

    class Meta:
        model = AgentVersion
        fields: ClassVar[list[str]] = (
            "id number is_draft revision name instructions model model_name flow tools tool_teams collections "
            "max_open_approvals min_confidence memory asks_judge author_id created_at"
        ).split()


class ActivationSerializer(RowSerializer[AgentActivation]):
    """An entry of an agent's history: from then on this version answered."""

    version = serializers.IntegerField(source="version.number", read_only=True)
    previous_version = serializers.IntegerField(source="previous.number", read_only=True, default=None, allow_null=True)

    class Meta:
        model = AgentActivation
        fields: ClassVar[list[str]] = "id version previous_version is_roll_back override person_id created_at".split()


class AgentDetailSerializer(AgentSerializer):
    """An agent with the configuration that answers, and its draft. Before the first activation both are the draft."""

    instructions = serializers.CharField(source="setup.instructions", read_only=True)
    model = serializers.CharField(source="setup.model", read_only=True)
    model_name = serializers.CharField(source="setup.model_name", read_only=True)
    flow = serializers.CharField(source="setup.flow", read_only=True, help_text="Of Langflow, its head.")
    tools = serializers.ListField(source="setup.tools", child=serializers.CharField(), read_only=True)
    tool_teams = ToolTeams(source="setup.tool_teams", read_only=True, help_text=LIMITS_HELP)
    collections = serializers.ListField(source="setup.collections", child=serializers.UUIDField(), read_only=True)
    max_open_approvals = serializers.IntegerField(source="setup.max_open_approvals", read_only=True, allow_null=True)
    min_confidence = serializers.IntegerField(
        source="setup.min_confidence", read_only=True, help_text="Below it an answer is not sent, from 0 to 100."
    )
    memory = serializers.ChoiceField(source="setup.memory", choices=AgentVersion.Memory.choices, read_only=True)
    asks_judge = serializers.BooleanField(
        source="setup.asks_judge", read_only=True, help_text="A model is asked if passages answer a question."
    )
    draft = AgentVersionSerializer(read_only=True, allow_null=True)

    class Meta(AgentSerializer.Meta):
        fields: ClassVar[list[str]] = [
            *AgentSerializer.Meta.fields,
            *"instructions model model_name flow tools tool_teams collections".split(),
            *"max_open_approvals min_confidence memory asks_judge".split(),
            "draft",
        ]


class AgentChange(serializers.Serializer[Any]):
    """What to change; what is left out stays."""

    name = serializers.CharField(max_length=configuration.NAME_LIMIT, required=False)
    instructions = serializers.CharField(max_length=configuration.PROMPT_LIMIT, required=False, allow_blank=True)
    model = serializers.CharField(max_length=20, required=False, help_text="One that is configured here.")
    model_name = serializers.CharField(max_length=configuration.MODEL_NAME_LIMIT, required=False, allow_blank=True)
    flow = serializers.CharField(max_length=FLOW_LIMIT, required=False, allow_blank=True, help_text=FLOW_HELP)
    tools = serializers.ListField(child=serializers.CharField(max_length=60), required=False, max_length=50)
    tool_teams = ToolTeams(required=False, help_text=LIMITS_HELP)
    collections = serializers.ListField(
        child=serializers.UUIDField(), required=False, max_length=100, help_text="None: all that a caller may see."
    )
    max_open_approvals = serializers.IntegerField(
        min_value=1,
        max_value=configuration.MOST_OPEN,
        required=False,
        allow_null=True,
        help_text="null: the organisation's default.",
    )
    min_confidence = serializers.IntegerField(
        min_value=0, max_value=100, required=False, help_text="Below it an answer is not sent."
    )
    memory = serializers.ChoiceField(
        choices=AgentVersion.Memory.choices,
        required=False,
        help_text="Whose facts it uses: what they wrote about themselves.",
    )
    asks_judge = serializers.BooleanField(
        required=False, help_text="Where documents may not answer a question, a model that judges passages is asked."
    )


class AgentEdit(AgentChange):
    """A change of the draft, made from the version and revision that were seen."""

    version = serializers.IntegerField(
        required=False,
        min_value=1,
        help_text="The draft's number, or the active version's if there is no draft; 409 `stale_version` for another.",
    )
    revision = serializers.IntegerField(
        required=False,
        min_value=1,
        help_text="The draft's revision, without it the first; 409 `stale_version` for another.",
    )


class DraftSeen(serializers.Serializer[Any]):
    """The draft that was seen."""

    version = serializers.IntegerField(
        source="seen_version", required=False, min_value=1, help_text="409 `stale_version` for another."
    )
    revision = serializers.IntegerField(
        source="seen_revision", required=False, min_value=1, help_text="409 `stale_version` for another."
    )
    override = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=activation.REASON_LIMIT,
        help_text="Why to activate although a check fails; needs `agents.override_checks`.",
    )


class EarlierVersion(serializers.Serializer[Any]):
    """The version that is to answer again."""

    version = serializers.IntegerField(min_value=1)


class NewAgent(AgentChange):
    """An agent of your own."""

    name = serializers.CharField(max_length=configuration.NAME_LIMIT)
    type = serializers.ChoiceField(choices=gallery.types())
    template = serializers.ChoiceField(
        choices=gallery.with_cases(),
        required=False,
        help_text="Its cases are kept for the agent; nothing else is taken.",
    )


class AgentFile(serializers.Serializer[Any]):
    """An agent's configuration as a file: no secrets, instructions line by line."""

    format = serializers.ChoiceField(choices=[portability.FORMAT])
    name = serializers.CharField(max_length=configuration.NAME_LIMIT)
    type = serializers.ChoiceField(choices=gallery.types())
    model = serializers.CharField(max_length=20, required=False)
    model_name = serializers.CharField(max_length=configuration.MODEL_NAME_LIMIT, required=False, allow_blank=True)
    flow = serializers.CharField(max_length=FLOW_LIMIT, required=False, allow_blank=True, help_text=FLOW_HELP)
    max_open_approvals = serializers.IntegerField(
        min_value=1, max_value=configuration.MOST_OPEN, required=False, allow_null=True
    )
    min_confidence = serializers.IntegerField(min_value=0, max_value=100, required=False)
    memory = serializers.ChoiceField(choices=AgentVersion.Memory.choices, required=False)
    asks_judge = serializers.BooleanField(required=False)
    tools = serializers.ListField(child=serializers.CharField(max_length=60), required=False, max_length=50)
    tool_teams = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField(max_length=60), max_length=100),
        required=False,
        help_text="By their names.",
    )
    collections = serializers.ListField(
        child=serializers.CharField(max_length=80), required=False, max_length=100, help_text="By their names."
    )
    instructions = serializers.ListField(
        child=serializers.CharField(allow_blank=True, trim_whitespace=False),
        required=False,
        max_length=configuration.PROMPT_LIMIT,
    )


class CopyName(serializers.Serializer[Any]):
    """The name of the copy."""

    name = serializers.CharField(max_length=configuration.NAME_LIMIT)


class AgentViewSet(RetrieveModelMixin, ListViewSet):
    """Agents."""

    descriptions: ClassVar = {
        "list": "List agents, newest first. Needs `agents.view_agent`.",
        "retrieve": "Read an agent with its configuration. Needs `agents.view_agent`.",
    }
    permissions: ClassVar = {
        "list": selectors.VIEW_AGENT,
        "retrieve": selectors.VIEW_AGENT,
        "create": configuration.CHANGE,
        "partial_update": configuration.CHANGE,
        "draft": selectors.VIEW_AGENT,
        "discard_draft": configuration.CHANGE,
        "activate": activation.ACTIVATE,
        "activate_again": activation.ACTIVATE,
        "roll_back": activation.ACTIVATE,
        "versions": selectors.VIEW_AGENT,
        "export": selectors.VIEW_AGENT,
        "import_file": configuration.CHANGE,
        "history": selectors.VIEW_AGENT,
        "copy": configuration.CHANGE,
        "retire": configuration.CHANGE,
        "restore": configuration.CHANGE,
    }
    share_kind = shares.AGENT
    serializer_class = AgentDetailSerializer
    request_serializers: ClassVar = {"create": NewAgent, "partial_update": AgentEdit}
    filterset_class = AgentFilters
    lookup_url_kwarg = "agent_id"

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        """Return the serializer: lists leave the configuration out."""
        if self.action in ("draft", "versions", "history", "export"):
            return super().get_serializer_class()
        return AgentSerializer if self.action == "list" else AgentDetailSerializer

    def get_queryset(self) -> QuerySet[Agent]:
        """Return the agents."""
        return selectors.query_agents(viewer=self.actor)

    def get_object(self) -> Agent:
        """Return the agent of the address with its configuration."""
        return self.read_agent(self.kwargs["agent_id"])

    def read_agent(self, agent_id: UUID) -> Agent:
        """Return an agent with its configuration."""
        agent = selectors.get_agent(viewer=self.actor, agent_id=agent_id)
        current = services.current_version(agent)
        agent.draft = current if current.is_draft else None  # type: ignore[attr-defined]
        agent.setup = services.setup_in(agent.active_version or current)  # type: ignore[attr-defined]
        return agent

    def respond(self, row: Agent) -> Response:
        """Return the response that shows an agent as it is now."""
        return super().respond(self.read_agent(row.pk))

    @idempotent
    def create(self, request: Request) -> Response:
        """Make an agent of your own as a draft, which answers nobody yet. Needs `agents.change_agent`."""
        body = self.read_body()
        facts = {name: body.pop(name) for name in ("type", "template") if name in body}
        return self.respond(
            services.create_agent(actor=self.actor, setup=configuration.Setup(**_changes(body)), **facts)
        )

    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Change an own agent's draft; the active version goes on answering. Needs `agents.change_agent`.

        409 `built_in` for a built-in agent, `stale_version` if it was changed in the meantime.
        """
        body = self.read_body()
        seen = {f"seen_{name}": body.pop(name, None) for name in ("version", "revision")}
        return self.respond(services.change_agent(actor=self.actor, **self.kwargs, changes=_changes(body), **seen))

    @action(detail=True, methods=["get"], serializer_class=AgentVersionSerializer)
    def draft(self, request: Request, **kwargs: Any) -> Response:
        """Read an agent's draft; 404 if it has none. Needs `agents.view_agent`."""
        return super().respond(selectors.get_draft(viewer=self.actor, **self.kwargs))

    @draft.mapping.delete
    @extend_schema(responses={204: None})
    def discard_draft(self, request: Request, **kwargs: Any) -> Response:
        """Discard an agent's draft; the active version stays. Needs `agents.change_agent`.

        409 `no_draft`, or `never_active` for an agent that has nothing but its draft.
        """
        services.discard_draft(actor=self.actor, **self.kwargs)
        return Response(status=204)

    @action(detail=True, methods=["post"], request_serializer=DraftSeen)
    @idempotent
    def activate(self, request: Request, **kwargs: Any) -> Response:
        """Let an agent's draft answer from now on; current runs keep their version. Needs `agents.activate_agent`.

        409 `no_draft`, or `stale_version` if the draft was changed in the meantime.
        """
        return self.call_service(services.activate_draft)

    @action(detail=True, methods=["post"], url_path="activate-again")
    @idempotent
    def activate_again(self, request: Request, **kwargs: Any) -> Response:
        """Let an agent answer with its Langflow flow as it is now. Needs `agents.activate_agent`.

        409 `already_active` if the flow has not changed, `no_flow` for other agents.
        """
        return self.call_service(services.activate_again)

    @action(detail=True, methods=["post"], url_path="roll-back", request_serializer=EarlierVersion)
    @idempotent
    def roll_back(self, request: Request, **kwargs: Any) -> Response:
        """Let an earlier version answer again. Needs `agents.activate_agent`.

        409 `is_draft` for a draft, `already_active` for the version that answers; 404 for an unknown one.
        """
        return self.call_service(services.roll_back)

    @action(detail=True, methods=["get"], many=True, pagination_class=None, serializer_class=AgentVersionSerializer)
    def versions(self, request: Request, **kwargs: Any) -> Response:
        """List the newest 100 versions of an agent, its draft among them. Needs `agents.view_agent`."""
        agent = selectors.get_agent(viewer=self.actor, **self.kwargs)
        return Response(self.represent(selectors.query_versions(viewer=self.actor, agent_id=agent.pk)[:100]))

    @action(detail=True, methods=["get"], many=True, pagination_class=None, serializer_class=ActivationSerializer)
    def history(self, request: Request, **kwargs: Any) -> Response:
        """List the newest 100 activations and roll-backs of an agent. Needs `agents.view_agent`."""
        agent = selectors.get_agent(viewer=self.actor, **self.kwargs)
        return Response(self.represent(selectors.query_activations(viewer=self.actor, agent_id=agent.pk)[:100]))

    @action(detail=True, methods=["get"], serializer_class=AgentFile)
    def export(self, request: Request, **kwargs: Any) -> Response:
        """Read an agent's configuration as a file, its draft's if it has one. Needs `agents.view_agent`."""
        return Response(portability.export_agent(viewer=self.actor, **self.kwargs))

    @action(detail=False, methods=["post"], url_path="import", request_serializer=AgentFile, success_status=201)
    @idempotent
    def import_file(self, request: Request) -> Response:
        """Make an agent of your own, as a draft, from an exported one. Needs `agents.change_agent`.

        400 names what doesn't exist here, such as a tool or a model.
        """
        return self.respond(portability.import_agent(actor=self.actor, document=self.read_body()))

    @action(detail=True, methods=["post"], request_serializer=CopyName, success_status=201)
    @idempotent
    def copy(self, request: Request, **kwargs: Any) -> Response:
        """Make an own agent with the configuration of this one. Needs `agents.change_agent`."""
        return self.call_service(services.copy_agent)

    @action(detail=True, methods=["post"])
    @idempotent
    def retire(self, request: Request, **kwargs: Any) -> Response:
        """Switch an agent off, built in or own; safe to repeat. Needs `agents.change_agent`."""
        return self.call_service(services.retire_agent)

    @action(detail=True, methods=["post"])
    @idempotent
    def restore(self, request: Request, **kwargs: Any) -> Response:
        """Switch an agent on again; safe to repeat. Needs `agents.change_agent`."""
        return self.call_service(services.restore_agent)


def _changes(body: dict[str, Any]) -> dict[str, Any]:
    return body | {name: tuple(body[name]) for name in ("tools", "collections") if name in body}
