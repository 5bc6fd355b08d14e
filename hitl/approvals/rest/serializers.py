"""Serializers of approvals."""

from typing import Any, ClassVar, Final

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.rest.serializers import PersonSerializer
from core.actors import Actor
from core.errors import WalkerError
from core.rest.fields import ExpandedField, MaskedDocument, MaskedText, RowSerializer
from hitl.actions.targets import find_marks
from hitl.display import pause_words
from hitl.killswitch.describe import stops_of
from hitl.masking import mask_for
from hitl.models import Approval
from hitl.policy.rest.workflows import WorkflowSerializer

MARKS: Final = "marks"
_SUMMARY: Final = (
    "id reference state version holds hold_reason kind kind_version revision digest summary risk_score risk_level "
    "cost currency reach requester requester_kind agent_id conversation_id run_id channel workflow_id workflow level "
    "votes_required votes_received assigned_to priority created_at expires_at execute_by execute_after sla_due_at "
    "sla_breached_at "
    "decided_at decided_by decided_name decided_role decided_as moved_at resolved_at superseded_by_id tags "
    "compliance_flags on_platform"
).split()
_DETAIL: Final = (
    "payload preview preview_url facts facts_digest drift risk_factors risk_version risk_policy notes custom "
    "contact_tags excluded subject_key dedupe_key address user_agent workflow_version tool_call_id rounds "
    "escalation_step sla_minutes_over escalated_at escalated_to escalation_reason reminder_count last_reminder_at "
    "levels assignments may_decide why_not stopped paused"
).split()


class MarkSerializer(serializers.Serializer[Any]):
    """What was seen last of what a request changes, where it is."""

    changed_at = serializers.DateTimeField(allow_null=True, help_text="When others changed it since, if they did.")
    changed_by = serializers.CharField(help_text="Empty as long as it is not known.")
    changes = serializers.ListField(child=serializers.CharField(), help_text="What is different from the request.")
    is_decided_again = serializers.BooleanField(help_text="If it stays like this, the request isn't executed.")
    gone_at = serializers.DateTimeField(allow_null=True, help_text="Since then it is no longer there.")
    read_back_at = serializers.DateTimeField(allow_null=True, help_text="When our change was read there afterwards.")


class MarkedList(serializers.ListSerializer[Any]):
    """A page of approvals, whose marks are read for all at once."""

    def to_representation(self, data: Any) -> list[Any]:
        """Return the rows."""
        rows = list(data)
        self.context[MARKS] = find_marks(rows)  # type: ignore[index]
        return super().to_representation(rows)


class ApprovalSerializer(RowSerializer[Approval]):
    """An approval in a list. People who may decide see the original summary, others a masked one."""

    requester = PersonSerializer(read_only=True, allow_null=True)
    assigned_to = PersonSerializer(read_only=True, allow_null=True)
    decided_by = PersonSerializer(read_only=True, allow_null=True)
    summary = serializers.SerializerMethodField()
    hold_reason = MaskedText()
    workflow = ExpandedField(WorkflowSerializer, "workflow_id")
    on_platform = serializers.SerializerMethodField(help_text="What was seen last of what it changes, or null.")

    class Meta:
        model = Approval
        fields: ClassVar[list[str]] = _SUMMARY
        list_serializer_class = MarkedList

    def get_summary(self, approval: Approval) -> str:
        """Return the summary, masked for viewers who may not decide."""
        return str(self._masked(approval, approval.summary))

    @extend_schema_field(MarkSerializer(allow_null=True))
    def get_on_platform(self, approval: Approval) -> dict[str, Any] | None:
        marks = self.context[MARKS] if MARKS in self.context else find_marks([approval])
        mark = marks.get(approval.pk)
        return MarkSerializer(mark).data if mark else None

    def _masked(self, approval: Approval, value: Any) -> Any:
        """Return what is approved: the original for approvers, masked for everyone else."""
        viewer: Actor = self.context["viewer"]
        return mask_for(viewer, approval, value)


class AssignmentSerializer(serializers.Serializer[Any]):
    """A person who is asked to decide now."""

    person = PersonSerializer(read_only=True)
    level = serializers.IntegerField()
    group = serializers.CharField()
    substitute_for = PersonSerializer(source="rightful", read_only=True, allow_null=True, help_text="Who is away.")
    delegated_by = PersonSerializer(
        source="for_person", read_only=True, allow_null=True, help_text="Who was asked first, and delegated it."
    )
    source = serializers.CharField(help_text="`level`, `escalation` or `reassigned`.")  # type: ignore[assignment]
    opened_at = serializers.DateTimeField()


class ProblemSerializer(serializers.Serializer[Any]):
    """Why something can't be done: a stable code, a sentence, and facts that depend on the code."""

    code = serializers.CharField()
    detail = serializers.CharField()


class StopSerializer(serializers.Serializer[Any]):
    """A kill switch that holds an approval."""

    switch = serializers.UUIDField()
    scope = serializers.CharField(help_text="`installation`, `tenant`, `agent` or `kind`.")
    target = serializers.CharField(help_text="The agent's id or the kind.")
    what = serializers.CharField(help_text="What is stopped, in words.")
    by = serializers.CharField(help_text="Who stopped it.")
    at = serializers.DateTimeField()
    reason = serializers.CharField()


class RequestText(MaskedText):
    """A text of a request, without the names of those whose conversation it is from."""

    def get_attribute(self, instance: Approval) -> Any:
        """Return it masked."""
        return instance.masked(super().get_attribute(instance))


class RequestDocument(MaskedDocument):
    """A document of a request, without the names of those whose conversation it is from."""

    def get_attribute(self, instance: Approval) -> Any:
        """Return it masked."""
        return instance.masked(super().get_attribute(instance))


class ApprovalDetailSerializer(ApprovalSerializer):
    """An approval with what is approved: `digest` identifies exactly this payload of this revision."""

    payload = serializers.SerializerMethodField()
    preview = serializers.SerializerMethodField()
    facts = serializers.SerializerMethodField()
    drift = serializers.SerializerMethodField(help_text="What changed outside since it was approved.")
    notes = RequestText()
    custom = RequestDocument()
    subject_key = RequestText()
    dedupe_key = RequestText()
    address = serializers.SerializerMethodField(help_text="The address of the request; for viewers of the audit log.")
    user_agent = serializers.SerializerMethodField(
        help_text="The program of the request; for viewers of the audit log."
    )
    levels = serializers.SerializerMethodField(help_text="The levels, as they were when it was requested.")
    assignments = serializers.SerializerMethodField(help_text="Who is asked now.")
    may_decide = serializers.SerializerMethodField(help_text="Whether you can decide it now.")
    why_not = serializers.SerializerMethodField(help_text="Why you can't decide it now; null if you can.")
    stopped = serializers.SerializerMethodField(help_text="The switches that hold it: what, who, when and why.")

    paused = serializers.SerializerMethodField(
        help_text="Why an approved request can't be executed now, as calls to its system are paused; or empty."
    )

    class Meta(ApprovalSerializer.Meta):
        fields: ClassVar[list[str]] = _SUMMARY + _DETAIL

    def get_payload(self, approval: Approval) -> dict[str, Any]:
        """Return what will be executed."""
        return dict(self._masked(approval, approval.payload))

    def get_preview(self, approval: Approval) -> dict[str, Any]:
        """Return a readable preview of the change."""
        return dict(self._masked(approval, approval.preview))

    def get_facts(self, approval: Approval) -> dict[str, Any]:
        """Return the facts when it was requested."""
        return dict(self._masked(approval, approval.facts))

    def get_drift(self, approval: Approval) -> list[str]:
        return [str(self._masked(approval, text)) for text in approval.drift]

    def get_address(self, approval: Approval) -> str:
        return approval.address if self._audits() else ""

    def get_user_agent(self, approval: Approval) -> str:
        return approval.user_agent if self._audits() else ""

    def _audits(self) -> bool:
        viewer: Actor = self.context["viewer"]
        return viewer.may("core.view_auditentry")

    def get_levels(self, approval: Approval) -> list[dict[str, Any]]:
        return list(approval.snapshot.get("levels", []))

    @extend_schema_field(AssignmentSerializer(many=True))
    def get_assignments(self, approval: Approval) -> list[dict[str, Any]]:
        return list(AssignmentSerializer(self.context["assignments"], many=True).data)

    def get_may_decide(self, approval: Approval) -> bool:
        return self.context["why_not"] is None

    @extend_schema_field(ProblemSerializer(allow_null=True))
    def get_why_not(self, approval: Approval) -> dict[str, Any] | None:
        problem: WalkerError | None = self.context["why_not"]
        return None if problem is None else problem.as_dict()

    @extend_schema_field(StopSerializer(many=True))
    def get_stopped(self, approval: Approval) -> list[dict[str, Any]]:
        return stops_of(approval, self.context["viewer"])

    def get_paused(self, approval: Approval) -> str:
        return pause_words(approval)
