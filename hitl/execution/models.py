"""Executions, and what was reported about them too late."""

from typing import ClassVar

from django.db import models

from core.clock import now
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
