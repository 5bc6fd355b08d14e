"""Endpoints of agents' runs, their tool calls, and what explains an answer."""

from typing import Any, ClassVar

from django_filters import ChoiceFilter, UUIDFilter
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from agents.answering import selectors
from agents.answering.routing.words import words_of
from agents.answering.runs.explanation import Explanation, explain_run
from agents.llm.routes.models import ModelCall
from agents.models import AgentRun, ToolCall
from conversations.inbox.rest.serializers import ConversationSerializer
from conversations.selectors import query_conversations
from core.privacy.json_texts import with_texts
from core.privacy.pii import mask_text
from core.rest.fields import ExpandedField, MaskedDocument, RowSerializer
from core.rest.filters import AfterFilter, ApiFilterSet, BeforeFilter, OrderFilter
from core.rest.pagination import BY_CREATION, SortedPagination
from core.rest.views import Expansion, ListViewSet, ReadOneMixin
from hitl.approvals.rest.serializers import ApprovalSerializer
from hitl.selectors import query_approvals


class RunFilters(ApiFilterSet):
    """The filters of runs."""

    state = ChoiceFilter(choices=AgentRun.State.choices)
    conversation = UUIDFilter(field_name="conversation_id")
    agent = UUIDFilter(field_name="agent_version__agent_id")
    created_after = AfterFilter("created_at")
    created_before = BeforeFilter("created_at")
    ordering = OrderFilter(*BY_CREATION)


class DayPagination(SortedPagination):
    """Pages of runs or tool calls, newest first or in the order that is asked for."""

    orders = BY_CREATION
    dated: ClassVar = {"created": "created_at"}


class RunSerializer(RowSerializer[AgentRun]):
    """One turn of an agent."""

    agent_id = serializers.UUIDField(source="agent_version.agent_id", read_only=True, default=None, allow_null=True)
    agent_name = serializers.CharField(source="agent_version.agent.name", read_only=True, default="")
    version = serializers.IntegerField(source="agent_version.number", read_only=True, default=None, allow_null=True)

    conversation = ExpandedField(ConversationSerializer, "conversation_id")

    class Meta:
        model = AgentRun
        fields: ClassVar[list[str]] = (
            "id conversation_id conversation agent_id agent_name version state trigger trigger_ref generation rounds "
            "input_tokens output_tokens error_code confidence asked_back reply_id created_at started_at finished_at"
        ).split()


class ToolCallFilters(ApiFilterSet):
    """The filters of tool calls."""

    run = UUIDFilter(field_name="run_id")
    approval = UUIDFilter(field_name="approval_id")
    created_after = AfterFilter("created_at")
    created_before = BeforeFilter("created_at")
    ordering = OrderFilter(*BY_CREATION)


class ToolCallSerializer(RowSerializer[ToolCall]):
    """One call of a tool; arguments and result are masked."""

    arguments = MaskedDocument()
    result = serializers.SerializerMethodField()

    run = ExpandedField(RunSerializer, "run_id")
    approval = ExpandedField(ApprovalSerializer, "approval_id")

    class Meta:
        model = ToolCall
        fields: ClassVar[list[str]] = (
            "id run_id run call_id name arguments result state code round attempts milliseconds is_cached is_foreign "
            "approval_id approval created_at finished_at"
        ).split()

    @extend_schema_field(MaskedDocument())
    def get_result(self, call: ToolCall) -> Any:
        """Return what came of it."""
        names = [call.run.conversation.contact.display_name]
        return with_texts(call.result, lambda text: mask_text(text, names))


class CitedSource(serializers.Serializer[Any]):
    """A document that an answer named, in the version that it read."""

    number = serializers.IntegerField(read_only=True, help_text="As in the answer: [1].")
    document_id = serializers.UUIDField(read_only=True)
    version_id = serializers.UUIDField(read_only=True)
    title = serializers.CharField(source="version.title", read_only=True)


class ModelCallSerializer(RowSerializer[ModelCall]):
    """One call of a model."""

    class Meta:
        model = ModelCall
        fields: ClassVar[list[str]] = (
            "id route_id route_name model tier complexity outcome is_weak input_tokens cached_tokens output_tokens "
            "is_estimated price currency milliseconds created_at"
        ).split()


class ConfidenceFactor(serializers.Serializer[Any]):
    """What counts for or against an answer."""

    name = serializers.CharField(read_only=True)
    points = serializers.IntegerField(read_only=True)


class RunExplanationSerializer(serializers.Serializer[Any]):
    """Why a run answered as it did."""

    run = RunSerializer(read_only=True)
    chosen_by = serializers.SerializerMethodField(help_text="In words, what chose who answers; empty if nothing did.")
    checks = serializers.ChoiceField(
        choices=["passed", "mended", "stopped", "asked_back", ""],
        read_only=True,
        help_text="Whether its answer passed the checks; `asked_back`: it asked for other words instead.",
    )
    confidence = serializers.IntegerField(
        source="run.confidence", read_only=True, allow_null=True, help_text="From 0 to 100."
    )
    factors = ConfidenceFactor(many=True, read_only=True, help_text="Their points sum up to the confidence.")
    mended = serializers.ListField(
        source="run.mended",
        child=serializers.ChoiceField(choices=["hidden", "links", "outcomes"]),
        read_only=True,
        help_text="What was taken out, or replaced: hidden characters; links from elsewhere; claims about a request.",
    )
    redacted = serializers.DictField(
        source="run.redacted",
        child=serializers.IntegerField(),
        read_only=True,
        help_text="How many personal values of each kind a model got placeholders for.",
    )
    read_foreign = serializers.BooleanField(read_only=True, help_text="It read text of third parties.")
    sources = CitedSource(many=True, read_only=True)
    tool_calls = ToolCallSerializer(many=True, read_only=True)
    model_calls = ModelCallSerializer(many=True, read_only=True)

    def get_chosen_by(self, explained: Explanation) -> str:
        """Return in words what chose who answers."""
        return words_of(explained.run.chosen_by)


class RunViewSet(ReadOneMixin, ListViewSet):
    """Agent runs."""

    descriptions: ClassVar = {
        "list": "List runs, newest first. Needs `agents.view_agentrun`.",
        "retrieve": "Read a run. Needs `agents.view_agentrun`.",
    }
    permissions: ClassVar = dict.fromkeys(("list", "retrieve", "why"), selectors.VIEW_RUN)
    serializer_class = RunSerializer
    expansions: ClassVar = {
        "conversation": Expansion(query_conversations, ConversationSerializer, "conversation_id"),
    }
    filterset_class = RunFilters
    pagination_class = DayPagination
    lookup_url_kwarg = "run_id"
    list_rows = staticmethod(selectors.query_runs)
    read_row = staticmethod(selectors.get_run)

    @action(detail=True, methods=["get"], serializer_class=RunExplanationSerializer)
    def why(self, request: Request, **kwargs: Any) -> Response:
        """Read why a run answered as it did: sources, tool calls, model calls, cost. Needs `agents.view_agentrun`.

        Arguments and results of tools are masked.
        """
        return self.respond(explain_run(viewer=self.actor, **self.kwargs))


class ToolCallViewSet(ReadOneMixin, ListViewSet):
    """Tool calls of agents."""

    descriptions: ClassVar = {
        "list": "List tool calls, newest first, masked. Needs `agents.view_agentrun`.",
        "retrieve": "Read a tool call, masked. Needs `agents.view_agentrun`.",
    }
    permissions: ClassVar = {"list": selectors.VIEW_RUN, "retrieve": selectors.VIEW_RUN}
    serializer_class = ToolCallSerializer
    expansions: ClassVar = {
        "run": Expansion(selectors.query_runs, RunSerializer, "run_id"),
        "approval": Expansion(query_approvals, ApprovalSerializer, "approval_id"),
    }
    filterset_class = ToolCallFilters
    pagination_class = DayPagination
    lookup_url_kwarg = "call_id"
    list_rows = staticmethod(selectors.query_tool_calls)
    read_row = staticmethod(selectors.get_tool_call)
