"""How far the stored values are encrypted again after a new key was added to the ring."""

from typing import ClassVar

from django.db import models

from core.clock import now


class KeyRotation(models.Model):
    """How many rows of a table are encrypted again with a key. Outside the tenant wall: numbers, no row of anyone."""

    key_id = models.CharField(max_length=16)
    model = models.CharField(max_length=80, help_text="The label of the table's model.")
    done = models.PositiveBigIntegerField(default=0)
    total = models.PositiveBigIntegerField(default=0, help_text="The rows that are done, and those still to do.")
    changed_at = models.DateTimeField(default=now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["key_id", "model"], name="one_rotation_per_table"),
        ]

    def __str__(self) -> str:
        return f"{self.model}: {self.done} of {self.total}"
