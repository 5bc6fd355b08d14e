"""What the API says of approvals and workflows, and what it takes."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any, ClassVar, Final

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.rest.serializers import PersonSerializer
from core.actors import Actor
from core.rest.fields import Document, MaskedDocument, MaskedText, RowSerializer
from core.rest.views import ListQuery
from hitl.actions import registry
from hitl.actions.base import PRIORITY_MAX
from hitl.approvals.votes import REASON_LIMIT
from hitl.domain.state_machine import State
from hitl.killswitch.describe import stops_of
from hitl.models import Approval, ApprovalLevel, ApprovalWorkflow, Execution
from hitl.policy.describe import Label, sentence
from hitl.policy.labels import labels
from hitl.policy.workflows import conditions_of, levels_of

RISKS: Final = ("low", "medium", "high", "critical")
STATES: Final = tuple(state.value for state in State)
HOLDS: Final = ("manual", "unsatisfiable", "kill_switch", "caps")
_SUMMARY: Final = (
    "id reference state version holds hold_reason kind kind_version revision digest summary risk_score risk_level "
    "cost currency reach requester requester_kind agent_id conversation_id run_id channel workflow_id level "
    "votes_required votes_received assigned_to priority created_at expires_at execute_by sla_due_at sla_breached_at "
    "decided_at decided_by decided_name decided_role decided_as moved_at resolved_at superseded_by_id tags "
    "compliance_flags"
).split()
_DETAIL: Final = (
    "payload preview preview_url facts facts_digest drift risk_factors risk_version risk_policy notes custom "
    "contact_tags excluded subject_key dedupe_key address user_agent workflow_version tool_call_id rounds ladder_step "
    "sla_minutes_over escalated_at escalated_to escalation_reason reminder_count last_reminder_at levels seats "
    "may_decide stopped"
).split()
CUSTOM_LIMIT: Final = 4000
SEEN: Final = "The version it was made from; 409 `stale_version` says who changed it since, and when."


class PersonOrMe(serializers.CharField):
    """The id of a person, or `me`."""

    def to_internal_value(self, value: Any) -> Any:
        """Return `me` or the id."""
        return "me" if value == "me" else serializers.UUIDField().run_validation(value)


class ApprovalQuery(ListQuery):
    """Which approvals; values of one filter are alternatives."""

    state = serializers.MultipleChoiceField(choices=STATES, default=set)
    risk = serializers.MultipleChoiceField(choices=RISKS, default=set)
    kind = serializers.CharField(default="", max_length=60)
    assignee = PersonOrMe(default=None, help_text="Who is asked to sign now: an id, or `me`.")
    requester = PersonOrMe(default=None, help_text="Who asked: an id, or `me`.")
    agent = serializers.UUIDField(default=None, help_text="Which agent asked.")
    hold = serializers.ChoiceField(choices=HOLDS, default="", help_text="Held back by this.")
    tag = serializers.CharField(default="", max_length=40)
    overdue = serializers.BooleanField(default=False, help_text="Waiting longer than promised.")
    q = serializers.CharField(default="", max_length=40, help_text="A reference, such as `BR-1042` or `1042`.")


class ApprovalSerializer(RowSerializer[Approval]):
    """An approval in a list. Those who may decide see the summary word for word, others masked."""

    requester = PersonSerializer(read_only=True, allow_null=True)
    assigned_to = PersonSerializer(read_only=True, allow_null=True)
    decided_by = PersonSerializer(read_only=True, allow_null=True)
    summary = serializers.SerializerMethodField()
    hold_reason = MaskedText()

    class Meta:
        model = Approval
        fields: ClassVar[list[str]] = _SUMMARY

    def get_summary(self, approval: Approval) -> str:
        """Return the summary as the viewer may see it."""
        return str(self._signed(approval.summary))

    def _signed(self, value: Any) -> Any:
        """What is signed is read word for word by those who sign, and masked by everybody else."""
        viewer: Actor = self.context["viewer"]
        return value if viewer.may("hitl.decide_approval") else MaskedDocument().to_representation(value)


class SeatSerializer(serializers.Serializer[Any]):
    """Somebody who is asked to sign now."""

    person = PersonSerializer(read_only=True)
    level = serializers.IntegerField()
    group = serializers.CharField()
    sits_for = PersonSerializer(source="rightful", read_only=True, allow_null=True, help_text="Who is away.")
    passed_on_by = PersonSerializer(
        source="for_person", read_only=True, allow_null=True, help_text="Who had the seat first, and passed it on."
    )
    source = serializers.CharField(help_text="`level`, `escalation` or `reassigned`.")  # type: ignore[assignment]
    opened_at = serializers.DateTimeField()


class StopSerializer(serializers.Serializer[Any]):
    """A switch that holds an approval."""

    switch = serializers.UUIDField()
    scope = serializers.CharField(help_text="`installation`, `tenant`, `agent` or `kind`.")
    target = serializers.CharField(help_text="The agent's id or the kind.")
    what = serializers.CharField(help_text="What is stopped, in words.")
    by = serializers.CharField(help_text="Who stopped it.")
    at = serializers.DateTimeField()
    reason = serializers.CharField()


class LevelSerializer(RowSerializer[ApprovalLevel]):
    """One step of a workflow."""

    class Meta:
        model = ApprovalLevel
        fields: ClassVar[list[str]] = (
            "order name mode quorum reject_threshold approvers sla_hours calendar_id parallel require_reason min_auth "
            "editable_fields"
        ).split()


class ApprovalDetailSerializer(ApprovalSerializer):
    """An approval with what is signed: `digest` stands for exactly this payload of this revision."""

    payload = serializers.SerializerMethodField()
    preview = serializers.SerializerMethodField()
    facts = serializers.SerializerMethodField()
    drift = serializers.SerializerMethodField(help_text="What changed in the world since it was signed.")
    notes = MaskedText()
    custom = MaskedDocument()
    subject_key = MaskedText()
    dedupe_key = MaskedText()
    address = serializers.SerializerMethodField(help_text="Whence it was asked; for those who may see the audit log.")
    user_agent = serializers.SerializerMethodField(help_text="By what; for those who may see the audit log.")
    levels = serializers.SerializerMethodField(help_text="The steps, as they were when it was asked for.")
    seats = serializers.SerializerMethodField(help_text="Who is asked now.")
    may_decide = serializers.SerializerMethodField(help_text="Whether you are asked to decide it now.")
    stopped = serializers.SerializerMethodField(help_text="The switches that hold it: what, who, when and why.")

    class Meta(ApprovalSerializer.Meta):
        fields: ClassVar[list[str]] = _SUMMARY + _DETAIL

    def get_payload(self, approval: Approval) -> dict[str, Any]:
        """Return what will be done, exactly."""
        return dict(self._signed(approval.payload))

    def get_preview(self, approval: Approval) -> dict[str, Any]:
        """Return what would change, readable."""
        return dict(self._signed(approval.preview))

    def get_facts(self, approval: Approval) -> dict[str, Any]:
        """Return the world as it was when it was asked for."""
        return dict(self._signed(approval.facts))

    def get_drift(self, approval: Approval) -> list[str]:
        """Return the changes as the viewer may see them."""
        return [str(self._signed(text)) for text in approval.drift]

    def get_address(self, approval: Approval) -> str:
        """Return the address of the request."""
        return approval.address if self._audits() else ""

    def get_user_agent(self, approval: Approval) -> str:
        """Return the program that asked."""
        return approval.user_agent if self._audits() else ""

    def _audits(self) -> bool:
        viewer: Actor = self.context["viewer"]
        return viewer.may("core.view_auditentry")

    def get_levels(self, approval: Approval) -> list[dict[str, Any]]:
        """Return the steps."""
        return list(approval.snapshot.get("levels", []))

    def get_seats(self, approval: Approval) -> list[dict[str, Any]]:
        """Return who is asked now."""
        return list(SeatSerializer(self.context["seats"], many=True).data)

    def get_may_decide(self, approval: Approval) -> bool:
        """Tell whether the viewer is asked now."""
        return bool(self.context["may_decide"])

    @extend_schema_field(StopSerializer(many=True))
    def get_stopped(self, approval: Approval) -> list[dict[str, Any]]:
        """Return the switches."""
        return stops_of(approval, self.context["viewer"])


class ExecutionSerializer(RowSerializer[Execution]):
    """The doing of one revision."""

    result = MaskedDocument()
    error = MaskedText()

    class Meta:
        model = Execution
        fields: ClassVar[list[str]] = (
            "id revision digest idempotency_key attempt lease_until outcome result error started_at finished_at"
        ).split()


class HappeningSerializer(serializers.Serializer[Any]):
    """One thing that happened to an approval."""

    seq = serializers.IntegerField(help_text="Its number in the organisation's audit log.")
    at = serializers.DateTimeField()
    action = serializers.CharField()
    actor = serializers.CharField()
    role = serializers.CharField()
    old_state = serializers.CharField()
    new_state = serializers.CharField()
    reason = MaskedText()
    channel = serializers.CharField()
    facts = MaskedDocument()


class Proposal(serializers.Serializer[Any]):
    """A request for a risky action."""

    kind = serializers.CharField(max_length=60, help_text="Such as `set_campaign_budget`.")
    params = Document(help_text="What the kind asks for; money as text.")
    notes = serializers.CharField(default="", allow_blank=True, max_length=2000, help_text="For those who sign.")
    dedupe_key = serializers.CharField(
        default="", allow_blank=True, max_length=200, help_text="While yours of this kind is open, it is the answer."
    )
    priority = serializers.IntegerField(
        default=0, min_value=0, max_value=PRIORITY_MAX, help_text="How urgent it is; it only ranks the queue."
    )
    tags = serializers.ListField(
        child=serializers.CharField(max_length=40), default=list, max_length=20, help_text="To find it by."
    )
    custom = Document(default=dict, help_text="Fields of your own, kept with it and shown; 4,000 characters at most.")

    def validate_custom(self, custom: dict[str, Any]) -> dict[str, Any]:
        """Refuse what is too long to be read."""
        if len(json.dumps(custom)) > CUSTOM_LIMIT:
            raise serializers.ValidationError(f"At most {CUSTOM_LIMIT} characters.")
        return custom

    def validate_kind(self, kind: str) -> str:
        """Refuse an unknown kind as a value, not as a missing page."""
        if not registry.is_known(kind):
            raise serializers.ValidationError(f"One of {', '.join(registry.keys())}.")
        return kind


class Verdict(serializers.Serializer[Any]):
    """A vote on exactly what was shown."""

    digest = serializers.CharField(max_length=64, help_text="Of the approval as you read it.")
    reason = serializers.CharField(default="", allow_blank=True, max_length=REASON_LIMIT)


class Move(serializers.Serializer[Any]):
    """What goes with a move; with `digest` it is refused (409) if the approval has changed meanwhile."""

    digest = serializers.CharField(default="", allow_blank=True, max_length=64)
    reason = serializers.CharField(default="", allow_blank=True, max_length=REASON_LIMIT)


class HoldRequest(Move):
    """Why it is held."""

    reason = serializers.CharField(max_length=REASON_LIMIT)


class Release(Move):
    """Which hold to let go."""

    hold = serializers.ChoiceField(choices=HOLDS, default="manual")


class Resolution(Move):
    """What became of an effect whose outcome nobody knew."""

    outcome = serializers.ChoiceField(choices=("executed", "failed"))
    reason = serializers.CharField(max_length=REASON_LIMIT)
    evidence = serializers.CharField(max_length=REASON_LIMIT)


class WorkflowQuery(ListQuery):
    """Which workflows."""

    active = serializers.BooleanField(default=True)


class WorkflowSerializer(RowSerializer[ApprovalWorkflow]):
    """Which requests need whose signatures."""

    levels = LevelSerializer(many=True, read_only=True)
    says = serializers.SerializerMethodField(help_text="The workflow in one sentence.")

    class Meta:
        model = ApprovalWorkflow
        fields: ClassVar[list[str]] = (
            "id name description is_active is_default priority version kinds risk_levels min_cost max_cost currency "
            "agents channels contact_tags time_window condition expire_hours execute_within_hours auto_rules "
            "edit_policy escalation reminder_every_hours reminder_max notify_by allow_override signs_once "
            "open_per_agent created_at levels says"
        ).split()

    def get_says(self, workflow: ApprovalWorkflow) -> str:
        """Return the sentence."""
        return sentence(conditions_of(workflow), levels_of(workflow), self._label)

    @cached_property
    def _label(self) -> Label:
        """The names, read once for all of a list."""
        return labels()
