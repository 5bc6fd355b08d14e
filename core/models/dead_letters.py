"""Failed jobs that wait for a person."""

from typing import ClassVar

from django.db import models

from core.clock import now
from core.tenancy.models import TenantModel


class DeadLetter(TenantModel):
    """A failed job: its kind, its row, and the error (personal data masked)."""

    class State(models.TextChoices):
        """The states of a failed job; only `parked` can change."""

        PARKED = "parked", "parked"
        REPLAYED = "replayed", "replayed"
        DISCARDED = "discarded", "discarded"

    kind = models.CharField(max_length=60)
    ref = models.UUIDField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.PARKED)
    error = models.CharField(max_length=500, blank=True)
    times = models.PositiveIntegerField(default=1)
    parked_at = models.DateTimeField(default=now)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.UUIDField(null=True)

    class Meta:
        permissions: ClassVar = [("replay_deadletter", "Can replay or discard parked failures")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "kind", "ref"],
                condition=models.Q(state="parked"),
                name="one_parked_letter_per_row",
            ),
            models.CheckConstraint(
                condition=models.Q(state="parked", closed_at=None)
                | models.Q(state__in=["replayed", "discarded"], closed_at__isnull=False),
                name="dead_letter_closed_with_time",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "state", "-parked_at"], name="dead_letters_by_state"),
            models.Index(
                fields=["parked_at"],
                name="dead_letters_parked",
                condition=models.Q(state="parked"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.ref} {self.state}"
