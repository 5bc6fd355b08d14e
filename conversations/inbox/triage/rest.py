"""Endpoints of triage rules."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.mixins import RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from conversations.inbox.triage import triage
from conversations.inbox.triage.triage import FACTS, LONGEST_TRIAL, MANAGE, Difference, RuleSettings
from conversations.models import Priority, TriageRule
from core.rest.fields import RowSerializer, SeenVersion
from core.rest.idempotency import idempotent
from core.rest.views import ListViewSet

PLAIN = "name condition team_id priority tag_id reply_id goes_on is_active".split()


class TriageRuleSerializer(RowSerializer[TriageRule]):
    """A triage rule."""

    class Meta:
        model = TriageRule
        fields: ClassVar[list[str]] = ["id", "position", *PLAIN, "version", "created_at"]


class TriageRuleRequest(serializers.Serializer[Any]):
    """A triage rule: a condition, and a team, a priority, a tag or a canned reply for what meets it."""

    name = serializers.CharField(max_length=60)
    condition = serializers.CharField(
        max_length=500,
        default="",
        allow_blank=True,
        help_text=f"Over {', '.join(f'`{name}`' for name in sorted(FACTS.names))} and custom fields, such as "
        "`field_tier`; empty meets everything.",
    )
    team_id = serializers.UUIDField(default=None, allow_null=True)
    priority = serializers.ChoiceField(choices=Priority.choices, default=None, allow_null=True)
    tag_id = serializers.UUIDField(default=None, allow_null=True)
    reply_id = serializers.UUIDField(
        default=None, allow_null=True, help_text="A canned reply of a team or of everybody: the customer gets it, once."
    )
    goes_on = serializers.BooleanField(
        default=False, help_text="Try the rules after it too, for what this one leaves open."
    )
    is_active = serializers.BooleanField(default=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        seen = {name: value for name, value in attrs.items() if name == "seen_version"}
        return {"settings": RuleSettings(**{name: attrs[name] for name in PLAIN}), **seen}


class TriageRuleChange(TriageRuleRequest, SeenVersion):
    """The whole triage rule after the change."""


class MovingRule(serializers.Serializer[Any]):
    """Which way a rule moves."""

    up = serializers.BooleanField(help_text="It's tried one place sooner; false for later.")


class TryingRule(serializers.Serializer[Any]):
    """Over how long a rule is tried."""

    days = serializers.IntegerField(default=7, min_value=1, max_value=LONGEST_TRIAL)


class DifferenceSerializer(serializers.Serializer[Any]):
    """A conversation that would have gone elsewhere, or been answered."""

    conversation_id = serializers.SerializerMethodField()
    old_team = serializers.CharField(read_only=True, allow_null=True)
    new_team = serializers.CharField(read_only=True, allow_null=True)
    old_priority = serializers.ChoiceField(choices=Priority.choices, read_only=True)
    new_priority = serializers.ChoiceField(choices=Priority.choices, read_only=True)
    reply = serializers.CharField(read_only=True, help_text="Title of the canned reply; empty for none.")

    def get_conversation_id(self, row: Difference) -> str:
        """Return the conversation's id."""
        return str(row.conversation.pk)


class RuleTrialSerializer(serializers.Serializer[Any]):
    """How a rule would have done."""

    looked_at = serializers.IntegerField(read_only=True, help_text="The newest conversations, at most 1,000.")
    meets = serializers.IntegerField(read_only=True)
    differs = serializers.IntegerField(read_only=True)
    differences = DifferenceSerializer(many=True, read_only=True)


class TriageRuleViewSet(RetrieveModelMixin, ListViewSet):
    """Triage rules."""

    descriptions: ClassVar = {
        "list": "List the triage rules.",
        "retrieve": "Read a triage rule.",
    }
    permissions: ClassVar = dict.fromkeys(
        ("list", "retrieve", "create", "update", "destroy", "move", "try_out"), MANAGE
    )
    serializer_class = TriageRuleSerializer
    request_serializers: ClassVar = {"create": TriageRuleRequest, "update": TriageRuleChange}
    lookup_url_kwarg = "rule_id"

    @idempotent
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Create a triage rule after all others. 409 `exists`."""
        return self.call_service(triage.create_triage_rule)

    def update(self, request: Request, **kwargs: Any) -> Response:
        """Change a triage rule, or switch it on or off. 409 `exists`, `stale_version`."""
        return self.call_service(triage.revise_triage_rule)

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Delete a triage rule. 409 `stale_version`."""
        return self.call_service(triage.delete_triage_rule)

    @action(detail=True, methods=["post"], request_serializer=MovingRule)
    @idempotent
    def move(self, request: Request, **kwargs: Any) -> Response:
        """Let it be tried sooner or later than its neighbour."""
        return self.call_service(triage.move_triage_rule)

    def get_queryset(self) -> QuerySet[TriageRule]:
        return TriageRule.objects.all()

    @action(
        detail=True,
        methods=["post"],
        url_path="try",
        request_serializer=TryingRule,
        serializer_class=RuleTrialSerializer,
    )
    @idempotent
    def try_out(self, request: Request, **kwargs: Any) -> Response:
        """Say what it would have done in the last days, in its place among the active rules. It changes nothing."""
        return self.respond(triage.try_rule(actor=self.actor, **self.kwargs, **self.read_body()))
