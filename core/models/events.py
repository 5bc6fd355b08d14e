"""Numbered events of streams, and the outbox of announcements."""

from typing import ClassVar

from django.db import models

from core.clock import now
from core.db.transaction_ids import CurrentTransactionId, TransactionIdField
from core.reliability.lease import Leased
from core.tenancy.models import TenantModel


class StreamHead(TenantModel):
    """The last number of one stream."""

    stream = models.CharField(max_length=80)
    seq = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "stream"], name="one_head_per_stream"),
        ]

    def __str__(self) -> str:
        return f"{self.stream} at {self.seq}"


class StreamEvent(TenantModel):
    """One event of a stream; numbers follow the order of commits and have no gaps.

    Rows with a `version` are the event itself, for the consumers of `core.bus`, who read them in the order of `xid`;
    the others only tell the listeners of their stream.
    """

    stream = models.CharField(max_length=80)
    seq = models.BigIntegerField()
    type = models.CharField(max_length=40)
    payload = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=now)
    about = models.UUIDField(null=True, help_text="The one thing by which the stream is also read.")
    version = models.PositiveSmallIntegerField(
        null=True, help_text="Of its published shape; empty if the row only tells listeners."
    )
    xid = TransactionIdField(db_default=CurrentTransactionId(), editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "stream", "seq"], name="one_event_per_number"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["xid", "id"], name="events_committed", condition=models.Q(version__isnull=False)),
            models.Index(
                fields=["tenant_id", "xid", "id"], name="events_to_consume", condition=models.Q(version__isnull=False)
            ),
            models.Index(
                fields=["tenant_id", "about", "seq"], name="events_about", condition=models.Q(about__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.stream} #{self.seq} {self.type}"


class Outbox(Leased, TenantModel):
    """An announcement to relay to its receivers."""

    event = models.CharField(max_length=40)
    ref = models.UUIDField()
    payload = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=now)
    attempts = models.PositiveSmallIntegerField(default=0)
    done_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "outbox"
        indexes: ClassVar = [
            models.Index(fields=["id"], name="outbox_undone", condition=models.Q(done_at__isnull=True)),
            models.Index(fields=["done_at"], name="outbox_done", condition=models.Q(done_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.ref}"
