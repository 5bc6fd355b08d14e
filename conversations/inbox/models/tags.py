"""Tags of conversations, with colours."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Lower

from conversations.inbox.models.conversations import Conversation
from core.clock import now
from core.tenancy.models import TenantModel


class Tag(TenantModel):
    """A word that conversations are sorted by; a contact's tag of the same name has its colour."""

    class Colour(models.TextChoices):
        NEUTRAL = "neutral", "Grey"
        ACCENT = "accent", "Teal"
        INFO = "info", "Blue"
        GOOD = "good", "Green"
        WARN = "warn", "Amber"
        SERIOUS = "serious", "Orange"
        DANGER = "danger", "Red"

    name = models.CharField(max_length=60)
    colour = models.CharField(max_length=10, choices=Colour.choices, default=Colour.NEUTRAL)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint("tenant_id", Lower("name"), name="one_tag_per_name")]

    def __str__(self) -> str:
        return self.name


class ConversationTag(TenantModel):
    """A tag on a conversation."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="taggings")
    tag = models.ForeignKey(Tag, on_delete=models.CASCADE, related_name="taggings")
    added_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "conversation", "tag"], name="one_tagging_per_conversation"),
        ]

    def __str__(self) -> str:
        return f"tagging {str(self.id)[-6:]}"
