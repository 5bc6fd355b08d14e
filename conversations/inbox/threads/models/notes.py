"""Notes for colleagues about a conversation."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from conversations.inbox.models.conversations import Conversation
from core.clock import now
from core.privacy.encrypted_fields import EncryptedTextField
from core.tenancy.models import TenantModel


class Note(TenantModel):
    """A note for colleagues only; the customer and the agents never see it."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="notes")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    body = EncryptedTextField()
    masked_body = models.TextField()
    mentions = ArrayField(models.UUIDField(), default=list, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)
    edited_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["tenant_id", "conversation", "-id"], name="notes_newest")]

    def __str__(self) -> str:
        return f"note {str(self.id)[-6:]}"


class NoteVersion(TenantModel):
    """What a note said before it was changed."""

    note = models.ForeignKey(Note, on_delete=models.CASCADE, related_name="versions")
    body = EncryptedTextField()
    masked_body = models.TextField()
    written_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["tenant_id", "note", "-id"], name="versions_of_note")]

    def __str__(self) -> str:
        return f"note version {str(self.id)[-6:]}"
