"""Responses stored by the idempotency key of a request."""

from typing import ClassVar

from django.db import models

from core.clock import now
from core.privacy.encrypted_fields import EncryptedJSONField
from core.tenancy.models import TenantModel


class IdempotencyRecord(TenantModel):
    """A request under a key: running under a lease, or finished with its response (encrypted)."""

    class State(models.TextChoices):
        """The states of a request; a failed one is deleted."""

        RUNNING = "running", "running"
        FINISHED = "finished", "finished"

    scope = models.CharField(max_length=60)
    key_digest = models.CharField(max_length=64)
    request_digest = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    status = models.PositiveSmallIntegerField(null=True)
    answer = EncryptedJSONField(null=True)
    about = models.JSONField(default=list)
    """Ids of who asked, and of what was asked about: an answer need not name its conversation."""
    created_at = models.DateTimeField(default=now)
    lease_until = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "scope", "key_digest"], name="one_record_per_key"),
        ]
        indexes: ClassVar = [models.Index(fields=["created_at"], name="idempotency_by_age")]

    def __str__(self) -> str:
        return f"{self.scope} {self.state}"
