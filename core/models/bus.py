"""How far each consumer of events has read, and the events that it could not take."""

from typing import ClassVar

from django.db import models

from core.clock import now
from core.db.transaction_ids import TransactionIdField
from core.tenancy.models import TenantModel


class BusCursor(TenantModel):
    """How far a consumer has read one tenant's events: in the order of their transactions, then of their ids.

    `system` is the database cluster that `xid` belongs to: in another one, after a restore, the numbers mean nothing.
    """

    consumer = models.CharField(max_length=60)
    xid = TransactionIdField()
    event_id = models.UUIDField()
    system = models.BigIntegerField()
    moved_at = models.DateTimeField(default=now)
    tries = models.PositiveSmallIntegerField(default=0, help_text="How often the next event has failed.")
    retry_at = models.DateTimeField(null=True, help_text="When the next event is tried again, after a failure.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "consumer"], name="one_bus_cursor_per_consumer"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["retry_at"], name="bus_retries", condition=models.Q(retry_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.consumer} at {self.xid}"


class ParkedEvent(TenantModel):
    """An event that a consumer could not take in all its tries; the failed job refers to it."""

    consumer = models.CharField(max_length=60)
    event_id = models.UUIDField()
    type = models.CharField(max_length=40)
    parked_at = models.DateTimeField(default=now)
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "consumer", "event_id"], name="one_parked_event_per_consumer"),
        ]

    def __str__(self) -> str:
        return f"{self.type} for {self.consumer}"


class BusConsumer(models.Model):
    """A consumer over all tenants: where it started, and where nothing is left to look for; positions only."""

    name = models.CharField(max_length=60, primary_key=True)
    start_xid = TransactionIdField()
    xid = TransactionIdField()
    event_id = models.UUIDField()
    system = models.BigIntegerField()
    replayed_until = models.DateTimeField(null=True, help_text="Until when a running replay has it for itself.")

    class Meta:
        verbose_name = "event consumer"

    def __str__(self) -> str:
        return self.name
