"""The sealed bytes of a file, and files in a store outside the database that have to be removed there."""

from typing import ClassVar

from django.db import models

from core.clock import now
from core.privacy.encrypted_fields import EncryptedTextField
from core.tenancy.models import TenantModel


class SealedFile(TenantModel):
    """What every kept file has: its kind, and its name and bytes, which are encrypted."""

    content_type = models.CharField(max_length=100)
    size = models.PositiveIntegerField(default=0)
    filename = EncryptedTextField(default=str)
    content = EncryptedTextField(null=True, help_text="Base64 of the bytes, if the database holds them.")
    store = models.CharField(max_length=10, blank=True, help_text="The store outside that holds the bytes.")
    file_key = EncryptedTextField(null=True, help_text="The key of the bytes in a store outside.")
    width = models.PositiveIntegerField(default=0, help_text="Of a picture; 0 if it doesn't say.")
    height = models.PositiveIntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        abstract = True


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
