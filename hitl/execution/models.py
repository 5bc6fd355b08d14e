"""What happens around a decision: executions, timers and messages to approvers."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from core.clock import now
from core.reliability.lease import Leased
from core.tenancy.models import TenantModel
from hitl.approvals.models.approval import Approval


class Execution(TenantModel):
    """The execution of one revision; each attempt has its own fence, all share the idempotency key."""

    approval = models.ForeignKey(Approval, on_delete=models.PROTECT, related_name="executions", db_index=False)
    revision = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)
    idempotency_key = models.CharField(max_length=120)
    fence = models.PositiveIntegerField(default=1)
    attempt = models.PositiveSmallIntegerField(default=1)
    lease_until = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=20, blank=True)
    result = models.JSONField(default=dict, blank=True)
    error = models.CharField(max_length=500, blank=True)
    started_at = models.DateTimeField(default=now)
    finished_at = models.DateTimeField(null=True)
    seal = models.CharField(max_length=90, blank=True, default="", db_default="")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "approval", "revision"], name="one_execution_per_revision"),
            models.UniqueConstraint(fields=["tenant_id", "idempotency_key"], name="one_execution_per_key"),
        ]

    def __str__(self) -> str:
        return f"execution of {self.approval_id}"


class LateReport(TenantModel):
    """What a worker reported after its execution had gone on without it; nothing followed from it.

    Without texts, so that nothing about a person is kept.
    """

    append_only: ClassVar[bool] = True

    execution = models.ForeignKey(Execution, on_delete=models.PROTECT, related_name="late_reports")
    fence = models.PositiveIntegerField()
    outcome = models.CharField(max_length=20)
    reported_at = models.DateTimeField(default=now)

    def __str__(self) -> str:
        return f"late report on {self.execution_id}"


class Timer(Leased, TenantModel):
    """A deadline of an approval; a sweep picks it up, and a stale one does nothing."""

    class Kind(models.TextChoices):
        """The kind of timer."""

        EXPIRE = "expire", "Expire"
        SLA = "sla", "Answer due"
        ESCALATE = "escalate", "Next escalation"
        REMIND = "remind", "Reminder"
        EXECUTE = "execute", "Execute"
        LAPSE = "lapse", "Execute-by"
        LEASE = "lease", "Lease over"
        UNKNOWN = "unknown", "Outcome unknown"

    approval = models.ForeignKey(Approval, on_delete=models.PROTECT, related_name="timers", db_index=False)
    kind = models.CharField(max_length=20, choices=Kind)
    level = models.PositiveSmallIntegerField(default=0)
    revision = models.PositiveIntegerField()
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "approval", "kind", "level", "revision"], name="one_timer_each"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], name="timers_due", condition=models.Q(done_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.approval_id}"


class Notification(Leased, TenantModel):
    """A message to one person over one channel.

    While `held`, it waits until `hold_until` for the end of quiet hours, the next digest or a calmer hour (`held_for`).
    Those that leave as one message have the same `digest_id`.
    """

    approval = models.ForeignKey(Approval, on_delete=models.PROTECT, related_name="notifications")
    revision = models.PositiveIntegerField(default=1)
    level = models.PositiveSmallIntegerField(default=1)
    channel = models.CharField(max_length=20, default="in_app")
    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    template = models.CharField(max_length=60)
    variables = models.JSONField(default=dict)
    status = models.CharField(max_length=20, default="queued")
    provider = models.CharField(max_length=40, blank=True)
    provider_message_id = models.CharField(max_length=120, blank=True)
    provider_response = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=now)
    sent_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)
    failure_reason = models.CharField(max_length=300, blank=True)
    is_reminder = models.BooleanField(default=False)
    reminder_number = models.PositiveSmallIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    hold_until = models.DateTimeField(null=True)
    held_for = models.CharField(max_length=6, blank=True, default="", db_default="")
    digest_id = models.UUIDField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "recipient", "-id"], name="notifications_of_person"),
            # Over all tenants: the sweep queries it.
            models.Index(fields=["hold_until"], name="notifications_held", condition=models.Q(status="held")),
            models.Index(
                fields=["tenant_id", "recipient", "channel", "sent_at"],
                name="notifications_sent",
                condition=models.Q(sent_at__isnull=False) & ~models.Q(channel="in_app"),
            ),
            models.Index(
                fields=["tenant_id", "digest_id"],
                name="notifications_of_digest",
                condition=models.Q(digest_id__isnull=False),
            ),
            models.Index(
                fields=["created_at"], name="notifications_queued", condition=models.Q(status__in=["queued", "sending"])
            ),
        ]

    def __str__(self) -> str:
        return f"{self.template} by {self.channel}"
