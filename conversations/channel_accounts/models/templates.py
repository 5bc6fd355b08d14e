"""Message templates that a provider has approved, paused or rejected."""

from typing import ClassVar

from django.db import models

from conversations.channel_accounts.models.channels import ChannelAccount
from core.clock import now
from core.tenancy.models import TenantModel


class MessageTemplate(TenantModel):
    """One template of a WhatsApp account in one language, as the provider has it."""

    class State(models.TextChoices):
        """What the provider says about it; only approved ones can be sent."""

        APPROVED = "approved", "Approved"
        PENDING = "pending", "In review"
        PAUSED = "paused", "Paused"
        REJECTED = "rejected", "Rejected"
        DISABLED = "disabled", "Disabled"
        GONE = "gone", "Deleted"

    class Use(models.TextChoices):
        """What templates are sent for."""

        OUTCOME = "outcome", "Outcome of a request"
        REOPENING = "reopening", "Reopening a conversation"
        SURVEY = "survey", "Survey"
        REMINDER = "reminder", "Reminder"
        NOTICE = "notice", "Notice to an approver"
        CODE = "code", "Code for a colleague"

    channel_account = models.ForeignKey(ChannelAccount, on_delete=models.PROTECT, related_name="templates")
    name = models.CharField(max_length=512)
    language = models.CharField(max_length=16)
    provider_id = models.CharField(max_length=80)
    category = models.CharField(max_length=20, blank=True)
    state = models.CharField(max_length=8, choices=State)
    body = models.TextField(blank=True)
    components = models.JSONField(default=list)
    variables = models.JSONField(default=list, help_text="Names of the variables of the text, in order.")
    synced_at = models.DateTimeField(default=now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "channel_account", "name", "language"], name="one_template_per_language"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.language})"
