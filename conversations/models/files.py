"""Files in a store outside the database that have to be removed there."""

from typing import ClassVar

from django.db import models

from core.tenancy.models import TenantModel


class FileRemoval(TenantModel):
    """A file to remove from its store: its row was erased, or never came to be because a process died.

    Written before a file is, and deleted with the row that holds its key.
    """

    file_id = models.UUIDField()
    store = models.CharField(max_length=10)
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "file_id"], name="one_removal_per_file"),
        ]
        indexes: ClassVar = [models.Index(fields=["due_at"], name="removals_due")]

    def __str__(self) -> str:
        return f"removal {str(self.file_id)[-6:]}"
