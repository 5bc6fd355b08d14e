"""Endpoints of what belongs to one approval: its history, decisions, notifications, timers and executions."""

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import shares
from accounts.rest.serializers import PersonSerializer
from core.actors import Actor
from core.rest.fields import MaskedDocument, MaskedText, RowSerializer
from core.rest.pagination import NewestPagePagination, cursor_at, number_of
from core.rest.views import ListViewSet
from hitl.approvals.decide.rights import WATCHED
from hitl.approvals.integrity.decision_mac import verify
from hitl.domain.permissions import DECIDE
from hitl.models import Decision, Execution, LateReport, Notification, Revision, Timer
from hitl.notifications.delivery_words import delivery_state
from hitl.selectors import approvals as selectors
from hitl.selectors import related, timeline


class RevisionPagination(NewestPagePagination):
    """Pages of what there is once per revision."""

    ordering = "-revision"


class DecisionSerializer(RowSerializer[Decision]):
    """One verdict or remark; it is never changed."""

    person = PersonSerializer(read_only=True, allow_null=True)
    on_behalf_of = PersonSerializer(read_only=True, allow_null=True)
    reason = MaskedText()
    counts = serializers.SerializerMethodField(help_text="False if the row was not written by this application.")

    class Meta:
        model = Decision
        fields: ClassVar[list[str]] = (
            "id revision level digest person on_behalf_of actor_kind actor_name role verdict reason channel "
            "auth_strength counts created_at"
        ).split()

    def get_counts(self, row: Decision) -> bool:
        return verify(row)


class NotificationSerializer(RowSerializer[Notification]):
    """A message to one person over one channel."""

    recipient = PersonSerializer(read_only=True)
    failure_reason = MaskedText()
    state = serializers.SerializerMethodField(help_text="The status in words.")
    detail = serializers.SerializerMethodField(help_text="Why it waits or was not sent, in a sentence; or empty.")

    class Meta:
        model = Notification
        fields: ClassVar[list[str]] = (
            "id revision level channel recipient template status provider provider_message_id created_at sent_at "
            "delivered_at read_at failed_at failure_reason is_reminder reminder_number attempts hold_until held_for "
            "digest_id state detail"
        ).split()

    def get_state(self, row: Notification) -> str:
        return delivery_state(row).word

    def get_detail(self, row: Notification) -> str:
        return delivery_state(row).detail


class TimerSerializer(RowSerializer[Timer]):
    """A timer that is or was due."""

    class Meta:
        model = Timer
        fields: ClassVar[list[str]] = "id kind level revision due_at done_at attempts".split()


class LateReportSerializer(RowSerializer[LateReport]):
    """A report of a worker that was given up; nothing followed from it."""

    class Meta:
        model = LateReport
        fields: ClassVar[list[str]] = "fence outcome reported_at".split()


class ExecutionSerializer(RowSerializer[Execution]):
    """The execution of one revision."""

    result = MaskedDocument()
    error = MaskedText()
    late_reports = LateReportSerializer(many=True, read_only=True)

    class Meta:
        model = Execution
        fields: ClassVar[list[str]] = (
            "id revision digest idempotency_key fence attempt lease_until outcome result error started_at finished_at "
            "late_reports"
        ).split()


class HappeningSerializer(serializers.Serializer[Any]):
    """One entry of an approval's history."""

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


class RevisionSerializer(RowSerializer[Revision]):
    """What one revision changed. People who may decide see the original values, others masked ones."""

    person = PersonSerializer(read_only=True, allow_null=True)
    digest_before = serializers.CharField(help_text="The digest of the request before, which its decisions carry.")
    diff = serializers.SerializerMethodField()

    class Meta:
        model = Revision
        fields: ClassVar[list[str]] = (
            "revision event person digest_before diff risk_before risk_after created_at"
        ).split()

    def get_diff(self, row: Revision) -> list[dict[str, Any]]:
        """Return the fields with both values."""
        viewer: Actor = self.context["viewer"]
        if viewer.may(DECIDE):
            return list(row.diff)
        return [dict(MaskedDocument().to_representation(each)) for each in row.diff]


class ApprovalDetailViewSet(ListViewSet):
    """The base of view sets about one approval: 404 if the viewer's organisation has no such approval."""

    permissions: ClassVar = {"list": selectors.VIEW}
    share_kind = shares.APPROVAL
    watched = WATCHED
    pagination_class: Any = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check the request, and that the approval exists."""
        super().initial(request, *args, **kwargs)
        if self.action == "list":
            selectors.get_approval(viewer=self.actor, **self.kwargs)


class HistoryViewSet(ApprovalDetailViewSet):
    """The history of an approval."""

    serializer_class = HappeningSerializer
    pagination_class = NewestPagePagination

    def list(self, request: Request, **kwargs: Any) -> Response:
        """Read what happened: the newest page first, oldest first within a page."""
        limit, before = self.query["limit"], number_of(self.query["cursor"])
        entries = timeline.history(viewer=self.actor, **self.kwargs, before=before, limit=limit + 1)
        page = entries[-limit:]
        return self.respond_with_page(page, cursor_at(page[0].seq) if len(entries) > limit else "")


class ExecutionViewSet(ApprovalDetailViewSet):
    """The executions of an approval."""

    descriptions: ClassVar = {
        "list": "Read the executions, one per revision: the newest page first, oldest first within a page.",
    }
    serializer_class = ExecutionSerializer
    pagination_class = RevisionPagination
    list_rows = staticmethod(related.query_executions)


class RevisionViewSet(ApprovalDetailViewSet):
    """The revisions of an approval."""

    descriptions: ClassVar = {
        "list": "Read what each edit changed, field by field: the newest page first, oldest first within a page.",
    }
    serializer_class = RevisionSerializer
    pagination_class = RevisionPagination
    list_rows = staticmethod(related.query_revisions)


class DecisionViewSet(ApprovalDetailViewSet):
    """The decisions on an approval."""

    descriptions: ClassVar = {
        "list": "Read every verdict and remark with its digest, oldest first, the newest 500.",
    }
    serializer_class = DecisionSerializer
    list_rows = staticmethod(related.list_votes)


class NotificationViewSet(ApprovalDetailViewSet):
    """The notifications about an approval."""

    descriptions: ClassVar = {
        "list": "Read who was notified over which channel and what became of it, the newest 500.",
    }
    serializer_class = NotificationSerializer
    list_rows = staticmethod(related.list_notifications)


class TimerViewSet(ApprovalDetailViewSet):
    """The timers of an approval."""

    descriptions: ClassVar = {
        "list": "Read what is or was due: expiry, answer, escalation, reminder, execution.",
    }
    serializer_class = TimerSerializer
    list_rows = staticmethod(related.list_timers)
