"""Help centres, one for a web chat, and what visitors said of their articles."""

from typing import ClassVar

from django.db import models

from agents.knowledge.models import Document
from conversations.models import ChannelAccount
from core.clock import now
from core.tenancy.models import TenantModel


class HelpCentre(TenantModel):
    """The public pages that stand beside a web chat; nobody can open them until they are published."""

    channel_account = models.OneToOneField(ChannelAccount, on_delete=models.PROTECT, related_name="+")
    is_public = models.BooleanField(default=False)
    title = models.CharField(max_length=80)
    introduction = models.CharField(max_length=200, blank=True)
    colour = models.CharField(max_length=7, help_text="Of buttons and links on white, such as #155e4c.")
    language = models.CharField(max_length=2, choices=Document.Language, help_text="Of its first page.")
    created_at = models.DateTimeField(default=now, editable=False)

    def __str__(self) -> str:
        return self.title


class HelpVote(TenantModel):
    """Whether an article helped a visitor on one day; votes are counted where they are read, and kept half a year."""

    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="help_votes", db_index=False)
    day = models.DateField(help_text="In the organisation's time zone.")
    visitor = models.CharField(max_length=64, help_text="A keyed digest that is another one each day.")
    is_helpful = models.BooleanField()
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "document", "day", "visitor"], name="one_vote_per_visitor_and_day"
            ),
        ]

    def __str__(self) -> str:
        return f"vote {str(self.id)[-6:]}"
