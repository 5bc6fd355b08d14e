"""The tamper-evident audit log: one chain of entries per tenant, and its signed anchors."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from core.clock import now
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
            models.Index(fields=["tenant_id", "at"], name="audit_by_day"),
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


class AuditAnchor(TenantModel):
    """A signed statement about a part of the chain: its last entry's hash, and one hash of all its entries.

    `root` is that of a Merkle tree over the entries `first` to `last`; `previous` is the SHA-256 of the anchor before.
    """

    append_only: ClassVar[bool] = True

    number = models.BigIntegerField()
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    head = models.CharField(max_length=64)
    root = models.CharField(max_length=64)
    previous = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField(default=now)
    key_id = models.CharField(max_length=16)
    public_key = models.CharField(max_length=64)
    signature = models.CharField(max_length=128)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "number"], name="one_anchor_per_number"),
            models.UniqueConstraint(fields=["tenant_id", "last"], name="one_anchor_per_entry"),
        ]

    def __str__(self) -> str:
        return f"anchor {self.number}"


class AnchorDelivery(TenantModel):
    """How far the anchors have been written to one place outside the database, and what keeps it from going on."""

    place = models.CharField(max_length=20)
    delivered = models.BigIntegerField(default=0)
    delivered_at = models.DateTimeField(null=True)
    failing_since = models.DateTimeField(null=True)
    problem = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name_plural = "anchor deliveries"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "place"], name="one_delivery_per_place"),
        ]

    def __str__(self) -> str:
        return f"anchors to {self.place}"
