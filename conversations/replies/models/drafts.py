"""Drafts: what a person has begun to write in a conversation."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from conversations.inbox.models.conversations import Conversation
from core.clock import now
from core.privacy.encrypted_fields import EncryptedTextField
from core.tenancy.models import TenantModel


class Draft(TenantModel):
    """A reply that isn't sent yet; only its writer reads it."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="drafts")
    writer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    body = EncryptedTextField()
    updated_at = models.DateTimeField(default=now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "conversation", "writer"], name="one_draft_per_person"),
        ]

    def __str__(self) -> str:
        return f"draft {str(self.id)[-6:]}"
