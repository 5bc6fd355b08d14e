"""Revisions of requests, and reviews of overrides."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from core.clock import now
from core.tenancy.models import TenantModel
from hitl.approvals.models.approval import Approval

USER = settings.AUTH_USER_MODEL


class Revision(TenantModel):
    """What a revision changed, and who changed it; never deleted."""

    append_only: ClassVar[bool] = True
    erasable: ClassVar[tuple[str, ...]] = ("diff",)

    approval = models.ForeignKey(Approval, on_delete=models.PROTECT, related_name="revisions")
    revision = models.PositiveIntegerField()
    event = models.CharField(max_length=20)
    person = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+")
    actor_kind = models.CharField(max_length=10)
    digest_before = models.CharField(max_length=64)
    diff = models.JSONField(default=list)
    risk_before = models.PositiveSmallIntegerField()
    risk_after = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField(default=now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "approval", "revision"], name="one_change_per_revision"),
        ]

    def __str__(self) -> str:
        return f"revision {self.revision} of {self.approval_id}"


class OverrideReview(TenantModel):
    """The review of an override; open until someone else closes it."""

    approval = models.ForeignKey(Approval, on_delete=models.PROTECT, related_name="reviews")
    revision = models.PositiveIntegerField()
    opened_by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    opened_at = models.DateTimeField(default=now)
    closed_by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+")
    closed_at = models.DateTimeField(null=True)
    finding = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "approval", "revision"], name="one_review_per_override"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "-id"], name="reviews_open", condition=models.Q(closed_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"review of {self.approval_id}"
