"""Revisions of requests, reviews of overrides, and notes of colleagues."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from core.clock import now
from core.privacy.encrypted_fields import EncryptedTextField
from core.tenancy.models import Dated, TenantModel
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


class ApprovalNote(Dated, TenantModel):
    """A note for colleagues about a request; agents and customers never see it.

    It decides nothing and is no evidence. A trigger lets nobody change or remove it: the text can only be encrypted
    again and, for an erasure, emptied.
    """

    approval = models.ForeignKey(Approval, on_delete=models.PROTECT, related_name="colleagues_notes", db_index=False)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    body = EncryptedTextField()
    masked_body = models.TextField(blank=True)
    mentions = ArrayField(models.UUIDField(), default=list, blank=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["tenant_id", "approval", "-id"], name="approval_notes_newest")]
