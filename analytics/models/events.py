"""The store of events: what the bus has told, kept longer than streams keep it."""

from typing import ClassVar

from django.db import models

from core.tenancy.models import TenantModel


class StoredEvent(TenantModel):
    """One event, as consumers got it. `number` is the order in which the store got them, which is that of commits.

    The table is partitioned by month, so migrations make it by hand. Its key is (tenant, created_at, id): exports read
    it in that order.
    """

    number = models.BigIntegerField(editable=False)
    type = models.CharField(max_length=40)
    version = models.PositiveSmallIntegerField()
    stream = models.CharField(max_length=80)
    seq = models.BigIntegerField()
    payload = models.JSONField()
    created_at = models.DateTimeField()
    about = models.UUIDField(null=True)

    class Meta:
        db_table = "analytics_event"
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "number"], name="events_stored"),
            models.Index(fields=["tenant_id", "type", "created_at"], name="events_by_type"),
        ]

    def __str__(self) -> str:
        return f"{self.type} #{self.number}"
