"""Answers that agents wrote and did not send."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from conversations.inbox.models.conversations import Conversation
from core.clock import now
from core.privacy.encrypted_fields import EncryptedTextField
from core.tenancy.models import TenantModel


class SuggestedReply(TenantModel):
    """An answer that an agent wrote and was kept back: a person sends it, changes it or drops it."""

    class State(models.TextChoices):
        """What became of it."""

        OPEN = "open", "To review"
        SENT = "sent", "Sent"
        EDITED = "edited", "Sent with changes"
        DROPPED = "dropped", "Dropped"
        REPLACED = "replaced", "Answered otherwise"

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="suggestions")
    run_id = models.UUIDField(null=True, help_text="The agent's turn that wrote it.")
    reason = models.CharField(max_length=40, help_text="Why it was not sent, as a code.")
    confidence = models.PositiveSmallIntegerField(null=True, help_text="From 0 to 100; null if it was not measured.")
    body = EncryptedTextField()
    masked_body = models.TextField()
    sources = models.JSONField(default=list, help_text="Titles and addresses of the documents that it names.")
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    reviewed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    reviewed_at = models.DateTimeField(null=True)
    reply_id = models.UUIDField(null=True, help_text="The message that it became.")
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        verbose_name_plural = "suggested replies"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "conversation"],
                name="one_open_suggestion_per_conversation",
                condition=Q(state="open"),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "conversation", "-id"], name="suggestions_of_conversation"),
            models.Index(fields=["tenant_id", "id"], name="suggestions_to_review", condition=Q(state="open")),
        ]

    def __str__(self) -> str:
        return f"suggested reply {str(self.id)[-6:]}"
