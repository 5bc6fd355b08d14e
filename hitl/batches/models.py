"""Decisions on many requests at once, and what became of each."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from core.clock import now
from core.reliability.lease import Leased
from core.tenancy.models import TenantModel


class BatchDecision(Leased, TenantModel):
    """One verdict of a person on several requests, each decided on its own by a task.

    The seal covers who decided what, as it was confirmed: a batch that is written or changed by other
    means decides nothing.
    """

    maker = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    key = models.CharField(max_length=64)
    """The maker's own: a batch sent again under it is the same one."""
    verdict = models.CharField(max_length=10)
    reason = models.TextField(blank=True)
    """Emptied when the batch is finished: each decision keeps it."""
    channel = models.CharField(max_length=20)
    auth_strength = models.CharField(max_length=10)
    scopes = ArrayField(models.CharField(max_length=60), null=True)
    """Of the API key that was used; null without one."""
    address = models.CharField(max_length=45, blank=True)
    total = models.PositiveSmallIntegerField()
    seal = models.CharField(max_length=160)
    created_at = models.DateTimeField(default=now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "maker", "key"], name="one_batch_per_key"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["lease_until"], name="batches_at_work", condition=models.Q(finished_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"batch of {self.total}"


class BatchItem(TenantModel):
    """One request of a batch, as it was shown, and the outcome."""

    batch = models.ForeignKey(BatchDecision, on_delete=models.CASCADE, related_name="items", db_index=False)
    place = models.PositiveSmallIntegerField()
    approval_id = models.UUIDField()
    """No foreign key: ids that don't exist here are reported as such."""
    digest = models.CharField(max_length=64)
    outcome = models.CharField(max_length=10, blank=True)
    """`decided` or `refused`; empty until its turn has come."""
    code = models.CharField(max_length=40, blank=True)
    """Why it was refused."""
    state = models.CharField(max_length=20, blank=True)
    """Of the request, right after the decision."""
    decided_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "batch", "place"], name="one_item_per_place"),
            models.UniqueConstraint(fields=["tenant_id", "batch", "approval_id"], name="one_item_per_request"),
        ]

    def __str__(self) -> str:
        return f"item {self.place} of {self.batch_id}"
