"""Endpoints of answer rules."""

from typing import Any, ClassVar

from django_filters import UUIDFilter
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.mixins import RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from agents.answering.routing import rules
from agents.answering.routing.facts import FACTS
from agents.answering.routing.panels import otherwise_of, problem_of_agent
from agents.answering.routing.rules import LONGEST_TRIAL, MANAGE, AnswerDifference, AnswerSettings
from agents.answering.routing.selectors import get_rule, outlook, query_rules
from agents.models import AnswerRule
from agents.selectors import VIEW_AGENT
from core.rest.fields import SEEN, RowSerializer
from core.rest.filters import ApiFilterSet, BooleanFilter
from core.rest.idempotency import idempotent
from core.rest.views import ListViewSet

PLACE = "channel_account_id team_id calendar_id within_hours".split()
PLAIN = ["name", *PLACE, *"condition agent_id fallback_id is_active".split()]


class AnswerRuleFilters(ApiFilterSet):
    """The filters of answer rules."""

    channel_account = UUIDFilter(field_name="channel_account_id")
    agent = UUIDFilter(field_name="agent_id")
    active = BooleanFilter(field_name="is_active")


class AnswerRuleSerializer(RowSerializer[AnswerRule]):
    """An answer rule."""

    class Meta:
        model = AnswerRule
        fields: ClassVar[list[str]] = ["id", "position", *PLAIN, "version", "created_at"]


class AnswerRuleRequest(serializers.Serializer[Any]):
    """An answer rule: where it counts, a condition, and who answers then."""

    name = serializers.CharField(max_length=60)
    channel_account_id = serializers.UUIDField(default=None, allow_null=True, help_text="null: every channel.")
    team_id = serializers.UUIDField(
        default=None, allow_null=True, help_text="Conversations that this team returned to the agent; null: every one."
    )
    calendar_id = serializers.UUIDField(default=None, allow_null=True, help_text="null: at any time.")
    within_hours = serializers.BooleanField(default=True, help_text="false: outside the calendar's hours.")
    condition = serializers.CharField(
        max_length=500,
        default="",
        allow_blank=True,
        help_text=f"Over {', '.join(f'`{name}`' for name in sorted(FACTS.names))} and custom fields, such as "
        "`field_tier`; empty meets everything.",
    )
    agent_id = serializers.UUIDField(default=None, allow_null=True, help_text="null: no agent, a person.")
    fallback_id = serializers.UUIDField(
        default=None, allow_null=True, help_text="The agent that answers while the first can't; null: a person."
    )
    is_active = serializers.BooleanField(default=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Return what the services take."""
        seen = {name: value for name, value in attrs.items() if name == "seen_version"}
        return {"settings": AnswerSettings(**{name: attrs[name] for name in PLAIN}), **seen}


class AnswerRuleChange(AnswerRuleRequest):
    """The whole answer rule after the change."""

    version = serializers.IntegerField(source="seen_version", min_value=1, help_text=SEEN)


class MovingAnswerRule(serializers.Serializer[Any]):
    """Which way a rule moves."""

    up = serializers.BooleanField(help_text="Moves it one place up; false for down.")


class TryingAnswerRule(serializers.Serializer[Any]):
    """Over how long a rule is tried."""

    days = serializers.IntegerField(default=7, min_value=1, max_value=LONGEST_TRIAL)


class AnswerDifferenceSerializer(serializers.Serializer[Any]):
    """A conversation that somebody else would have answered."""

    conversation_id = serializers.SerializerMethodField()
    old_agent = serializers.CharField(read_only=True, allow_null=True, help_text="Its name; null: a person.")
    new_agent = serializers.CharField(read_only=True, allow_null=True, help_text="Its name; null: a person.")

    def get_conversation_id(self, row: AnswerDifference) -> str:
        """Return the conversation's id."""
        return str(row.conversation.pk)


class AnswerTrialSerializer(serializers.Serializer[Any]):
    """How a rule would have done."""

    looked_at = serializers.IntegerField(read_only=True, help_text="The newest conversations, at most 1,000.")
    meets = serializers.IntegerField(read_only=True, help_text="In how many of them this rule decides.")
    differs = serializers.IntegerField(read_only=True)
    differences = AnswerDifferenceSerializer(many=True, read_only=True)


class AnswerProblemSerializer(serializers.Serializer[Any]):
    """A rule whose agent can't answer now."""

    rule_id = serializers.UUIDField(read_only=True)
    problem = serializers.CharField(read_only=True, help_text="Why, and who answers instead.")


class AnswerStateSerializer(serializers.Serializer[Any]):
    """What the rules come to now."""

    otherwise = serializers.CharField(
        read_only=True, help_text="Who answers customers if no rule applies, in words; empty if one always does."
    )
    missing_choice = serializers.ListField(
        child=serializers.CharField(),
        read_only=True,
        help_text="The agents that could answer customers while none is chosen.",
    )
    problems = AnswerProblemSerializer(many=True, read_only=True)


class AnswerRuleViewSet(RetrieveModelMixin, ListViewSet):
    """Answer rules."""

    descriptions: ClassVar = {
        "list": "List the answer rules in their order. Needs `agents.view_agent`.",
        "retrieve": "Read an answer rule. Needs `agents.view_agent`.",
    }
    permissions: ClassVar = {
        **dict.fromkeys(("list", "retrieve", "state"), VIEW_AGENT),
        **dict.fromkeys(("create", "update", "destroy", "move", "try_out"), MANAGE),
    }
    serializer_class = AnswerRuleSerializer
    request_serializers: ClassVar = {"create": AnswerRuleRequest, "update": AnswerRuleChange}
    filterset_class = AnswerRuleFilters
    lookup_url_kwarg = "answer_rule_id"
    list_rows = staticmethod(query_rules)
    read_row = staticmethod(get_rule)

    @idempotent
    def create(self, request: Request) -> Response:
        """Create an answer rule after all others. Needs `agents.activate_agent`. 409 `exists`."""
        return self.call_service(rules.create_answer_rule)

    def update(self, request: Request, **kwargs: Any) -> Response:
        """Change an answer rule, or switch it on or off. Needs `agents.activate_agent`. 409 `exists`,
        `stale_version`."""
        return self.call_service(rules.revise_answer_rule)

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Delete an answer rule. Needs `agents.activate_agent`. 409 `stale_version`."""
        return self.call_service(rules.delete_answer_rule)

    @action(detail=False, methods=["get"], serializer_class=AnswerStateSerializer, pagination_class=None)
    def state(self, request: Request) -> Response:
        """Read who answers if no rule applies, and whose agent can't answer now. Needs `agents.view_agent`."""
        found = outlook(viewer=self.actor)
        problems = [(rule.pk, problem_of_agent(rule, found)) for rule in found.rules]
        return self.respond(
            {
                "otherwise": otherwise_of(found),
                "missing_choice": found.rivals,
                "problems": [{"rule_id": key, "problem": words} for key, words in problems if words],
            }
        )

    @action(detail=True, methods=["post"], request_serializer=MovingAnswerRule)
    @idempotent
    def move(self, request: Request, **kwargs: Any) -> Response:
        """Move it one place up or down. Needs `agents.activate_agent`."""
        return self.call_service(rules.move_answer_rule)

    @action(
        detail=True,
        methods=["post"],
        url_path="try",
        request_serializer=TryingAnswerRule,
        serializer_class=AnswerTrialSerializer,
    )
    @idempotent
    def try_out(self, request: Request, **kwargs: Any) -> Response:
        """Say who would have answered in the last days, with it in its place among the active rules. It changes
        nothing. Needs `agents.activate_agent`, and `conversations.view_conversation`."""
        return self.respond(rules.try_answer_rule(actor=self.actor, **self.kwargs, **self.read_body()))
