"""The tamper-evident audit log: one chain of entries per tenant."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from core.tenancy.models import TenantModel


class AuditHead(TenantModel):
    """The end of a tenant's chain, which the next entry continues."""

    seq = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64, default="")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id"], name="one_chain_per_tenant"),
        ]

    def __str__(self) -> str:
        return f"audit at {self.seq}"


class AuditEntry(TenantModel):
    """Who did what to which object; holds ids and states, never personal data."""

    append_only: ClassVar[bool] = True

    seq = models.BigIntegerField()
    at = models.DateTimeField()
    actor_kind = models.CharField(max_length=10)
    actor_id = models.UUIDField(null=True)
    actor_user_id = models.UUIDField(null=True)
    actor_name = models.CharField(max_length=80, blank=True)
    role = models.CharField(max_length=20, blank=True)
    auth_strength = models.CharField(max_length=10, blank=True)
    address = models.CharField(max_length=45, blank=True)
    action = models.CharField(max_length=60)
    object_type = models.CharField(max_length=60)
    object_id = models.UUIDField()
    old_state = models.CharField(max_length=30, blank=True)
    new_state = models.CharField(max_length=30, blank=True)
    facts = models.JSONField(default=dict)
    key_id = models.CharField(max_length=16)
    previous_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)

    class Meta:
        verbose_name_plural = "audit entries"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "seq"], name="one_entry_per_number"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "object_type", "object_id", "seq"], name="audit_by_object"),
            models.Index(fields=["tenant_id", "action", "seq"], name="audit_by_action"),
        ]

    def __str__(self) -> str:
        return f"#{self.seq} {self.action}"


class RefusalCount(TenantModel):
    """How often one actor was refused lately: it limits the audit entries about it."""

    subject_id = models.UUIDField()
    hour = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    recent = ArrayField(models.DateTimeField(), default=list)
    noticed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "subject_id"], name="one_refusal_count_per_actor"),
        ]

    def __str__(self) -> str:
        return f"{self.attempts} refusals"
