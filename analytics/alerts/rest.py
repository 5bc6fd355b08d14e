"""Endpoints of alert rules and their alerts."""

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.mixins import RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.alerts import rules, trials
from analytics.alerts.evaluate import MANAGE
from analytics.alerts.rules import RuleSettings
from analytics.models import Alert, AlertRule, Severity, Way
from core.rest.fields import LocalTime, RowSerializer, SeenVersion
from core.rest.idempotency import idempotent
from core.rest.views import ApiViewSet, ListViewSet

PLAIN = "name condition hold_seconds severity ways team_id owner_id runbook quiet_from quiet_until is_on".split()


class AlertRuleSerializer(RowSerializer[AlertRule]):
    """An alert rule, and what it found last; `trouble` says why it can't be evaluated."""

    ways = serializers.ListField(child=serializers.CharField(), read_only=True)
    quiet_from = LocalTime(read_only=True, allow_null=True)
    quiet_until = LocalTime(read_only=True, allow_null=True)

    class Meta:
        model = AlertRule
        fields: ClassVar[list[str]] = [
            *("id", "key", *PLAIN, "state", "state_since", "trouble", "evaluated_at", "silenced_until"),
            *("damped_until", "version", "created_at"),
        ]


class AlertSerializer(RowSerializer[Alert]):
    """One time that a rule fired."""

    class Meta:
        model = Alert
        fields = "id rule_id severity facts began_at ended_at acknowledged_at acknowledged_by_id".split()


class AlertRuleRequest(serializers.Serializer[Any]):
    """An alert rule: a condition over facts, for how long, and who is told."""

    name = serializers.CharField(max_length=80)
    condition = serializers.CharField(max_length=500, help_text="Such as `answers_missed > 5 or failed_jobs > 10`.")
    hold_seconds = serializers.IntegerField(default=0, min_value=0, max_value=rules.LONGEST_HOLD)
    severity = serializers.ChoiceField(choices=Severity.choices, default=Severity.WARNING)
    ways = serializers.ListField(child=serializers.ChoiceField(choices=Way.choices), min_length=1, max_length=5)
    team_id = serializers.UUIDField(default=None, allow_null=True)
    owner_id = serializers.UUIDField(default=None, allow_null=True)
    runbook = serializers.CharField(max_length=300, default="", allow_blank=True)
    quiet_from = LocalTime(default=None, allow_null=True)
    quiet_until = LocalTime(default=None, allow_null=True)
    is_on = serializers.BooleanField(default=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        seen = {name: value for name, value in attrs.items() if name == "seen_version"}
        return {"settings": RuleSettings(**{name: attrs[name] for name in PLAIN}), **seen}


class AlertRuleChange(AlertRuleRequest, SeenVersion):
    """The whole alert rule after the change."""


class Silence(serializers.Serializer[Any]):
    """Until when a rule is silent; null ends its silence."""

    until = serializers.DateTimeField(allow_null=True)
    reason = serializers.CharField(max_length=200, default="", allow_blank=True)


class Trying(serializers.Serializer[Any]):
    """Over how many days a rule is tried."""

    days = serializers.IntegerField(default=7, min_value=1, max_value=trials.LONGEST)


class AlertTrialSerializer(serializers.Serializer[Any]):
    """What a rule says now, and how often it would have fired."""

    holds = serializers.BooleanField(source="now.holds", read_only=True)
    trouble = serializers.CharField(source="now.trouble", read_only=True)
    values = serializers.DictField(child=serializers.DecimalField(20, 4, allow_null=True), read_only=True)
    count = serializers.IntegerField(read_only=True)
    times = serializers.ListField(child=serializers.DateTimeField(), read_only=True)
    unknown = serializers.ListField(child=serializers.CharField(), read_only=True, help_text="Facts without a past.")


class AlertRuleViewSet(RetrieveModelMixin, ListViewSet):
    """Alert rules."""

    descriptions: ClassVar = {
        "list": "List the alert rules.",
        "retrieve": "Read an alert rule.",
    }
    permissions: ClassVar = dict.fromkeys(
        ("list", "retrieve", "create", "update", "destroy", "silence", "try_out", "alerts"), MANAGE
    )
    serializer_class = AlertRuleSerializer
    request_serializers: ClassVar = {"create": AlertRuleRequest, "update": AlertRuleChange}
    lookup_url_kwarg = "alert_rule_id"
    list_rows = staticmethod(rules.query_rules)

    @idempotent
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Create an alert rule."""
        return self.call_service(rules.create_rule)

    def update(self, request: Request, **kwargs: Any) -> Response:
        """Change an alert rule; it starts over. 409 `stale_version`."""
        return self.call_service(rules.revise_rule)

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Delete an alert rule with its history. 409 `firing`, `stale_version`."""
        return self.call_service(rules.delete_rule)

    @action(detail=True, methods=["post"], request_serializer=Silence)
    @idempotent
    def silence(self, request: Request, **kwargs: Any) -> Response:
        """Silence an alert rule until a moment, or end its silence."""
        return self.call_service(rules.silence_rule)

    @action(
        detail=True, methods=["post"], url_path="try", request_serializer=Trying, serializer_class=AlertTrialSerializer
    )
    @idempotent
    def try_out(self, request: Request, **kwargs: Any) -> Response:
        """Say how often it would have fired, where numbers are kept."""
        rule = self.get_object()
        return self.respond(trials.try_condition(actor=self.actor, condition=rule.condition, **self.read_body()))

    @action(detail=True, methods=["get"], serializer_class=AlertSerializer)
    def alerts(self, request: Request, **kwargs: Any) -> Response:
        """List the last 50 times that a rule fired, newest first."""
        rule = self.get_object()
        return Response(self.represent(rules.query_alerts(viewer=self.actor, rule_id=rule.pk)[:50]))


class AlertViewSet(ApiViewSet):
    """Single alerts."""

    permissions: ClassVar = {"acknowledge": MANAGE}
    serializer_class = AlertSerializer
    lookup_url_kwarg = "alert_id"

    @action(detail=True, methods=["post"])
    @idempotent
    def acknowledge(self, request: Request, **kwargs: Any) -> Response:
        """Say that somebody is on it; PagerDuty hears so. 409 `not_open`."""
        return self.call_service(rules.acknowledge_alert)
