"""Endpoints of what belongs to an approval: its votes, who was told, and what is due."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from rest_framework import serializers

from accounts.rest.serializers import PersonSerializer
from core.actors import Actor
from core.rest.fields import MaskedText, RowSerializer
from core.rest.operations import reads
from core.rest.views import ApiView
from hitl import selectors
from hitl.approvals.decision_mac import verify
from hitl.models import Decision, Notification, Timer
from hitl.selectors import related


class DecisionSerializer(RowSerializer[Decision]):
    """One verdict or remark, kept for ever."""

    person = PersonSerializer(read_only=True, allow_null=True)
    on_behalf_of = PersonSerializer(read_only=True, allow_null=True)
    reason = MaskedText()
    counts = serializers.SerializerMethodField(help_text="False for a row that nobody gave.")

    class Meta:
        model = Decision
        fields: ClassVar[list[str]] = (
            "id revision level digest person on_behalf_of actor_kind actor_name role verdict reason channel "
            "auth_strength counts created_at"
        ).split()

    def get_counts(self, row: Decision) -> bool:
        """Tell whether its seal fits."""
        return verify(row)


class NotificationSerializer(RowSerializer[Notification]):
    """A message to one person over one channel."""

    recipient = PersonSerializer(read_only=True)
    failure_reason = MaskedText()

    class Meta:
        model = Notification
        fields: ClassVar[list[str]] = (
            "id revision level channel recipient template status provider provider_message_id created_at sent_at "
            "delivered_at read_at failed_at failure_reason is_reminder reminder_number attempts"
        ).split()


class TimerSerializer(RowSerializer[Timer]):
    """Something that is due, or was."""

    class Meta:
        model = Timer
        fields: ClassVar[list[str]] = "id kind level revision due_at done_at attempts".split()


class OfOneApproval(ApiView):
    """What is about one approval; absent and another organisation's are the same."""

    permissions: ClassVar = {"GET": selectors.VIEW}


class ApprovalDecisions(OfOneApproval):
    """What people said about an approval."""

    @reads("approvals_decisions", DecisionSerializer, many=True)
    def get(self, viewer: Actor, approval_id: UUID) -> list[Any]:
        """Read every verdict and remark with its digest, oldest first, the newest 500. Needs `hitl.view_approval`."""
        selectors.get_approval(viewer=viewer, approval_id=approval_id)
        return related.list_votes(viewer=viewer, approval_id=approval_id)


class ApprovalNotifications(OfOneApproval):
    """Who was told about an approval."""

    @reads("approvals_notifications", NotificationSerializer, many=True)
    def get(self, viewer: Actor, approval_id: UUID) -> list[Any]:
        """Read who was told what over which channel and what became of it, the newest 500. Needs
        `hitl.view_approval`."""
        selectors.get_approval(viewer=viewer, approval_id=approval_id)
        return related.list_notifications(viewer=viewer, approval_id=approval_id)


class ApprovalTimers(OfOneApproval):
    """What is due about an approval."""

    @reads("approvals_timers", TimerSerializer, many=True)
    def get(self, viewer: Actor, approval_id: UUID) -> list[Any]:
        """Read what is or was due: expiry, answer, ladder, reminder, execution. Needs `hitl.view_approval`."""
        selectors.get_approval(viewer=viewer, approval_id=approval_id)
        return related.list_timers(viewer=viewer, approval_id=approval_id)
