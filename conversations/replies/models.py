"""Tables of what colleagues answer with."""

import re
from typing import ClassVar, Final

from django.conf import settings
from django.db import models
from django.db.models import Q

from conversations.inbox.models import Conversation
from conversations.inbox.teams.models import Team
from conversations.messages.models import SealedFile
from core.clock import now
from core.privacy.encrypted_fields import EncryptedTextField
from core.tenancy.models import Dated, TenantModel


class SharedTool(Dated, TenantModel):
    """Something that people at the desk use: with an owner only they, with a team its members, otherwise everybody."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+", help_text="Only theirs."
    )
    team = models.ForeignKey(
        Team, null=True, on_delete=models.CASCADE, related_name="+", help_text="Only of this team."
    )
    version = models.PositiveIntegerField(default=1)

    class Meta:
        abstract = True

    @property
    def scope(self) -> str:
        """Return who may use it: "personal", "team" or "all"."""
        return "personal" if self.owner_id else "team" if self.team_id else "all"


_MY_NAME: Final = re.compile(r"\{\{\s*my_name\s*\}\}")


class CannedReply(SharedTool):
    """A text to send again, with variables such as {{ first_name }}, for oneself, a team or everybody."""

    shortcut = models.CharField(max_length=40, help_text="What is typed after / to find it.")
    title = models.CharField(max_length=80)
    text = models.TextField()
    language = models.CharField(max_length=8, default="en", help_text="Of the text.")
    translations = models.JSONField(default=dict, help_text="The text in other languages, by their codes.")

    class Meta:
        verbose_name_plural = "canned replies"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "shortcut", "owner", "team"],
                name="one_canned_reply_per_shortcut",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=Q(owner__isnull=True) | Q(team__isnull=True), name="canned_reply_has_one_scope"
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def names_its_sender(self) -> bool:
        """Return True if one of its texts has the variable that only a person fills."""
        return any(_MY_NAME.search(text) for text in (self.text, *self.translations.values()))


class CannedFile(SealedFile):
    """A file that goes with a canned reply."""

    reply = models.ForeignKey(CannedReply, on_delete=models.CASCADE, related_name="files")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["tenant_id", "reply"], name="canned_files_by_reply")]


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


class Macro(SharedTool):
    """Steps that are done with a conversation at once, for oneself, a team or everybody."""

    name = models.CharField(max_length=60)
    steps = models.JSONField(default=dict, help_text="The values of each step, by its kind.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "name", "owner", "team"], name="one_macro_per_name", nulls_distinct=False
            ),
            models.CheckConstraint(condition=Q(owner__isnull=True) | Q(team__isnull=True), name="macro_has_one_scope"),
        ]

    def __str__(self) -> str:
        return self.name


class SuggestedReply(Dated, TenantModel):
    """An answer that an agent wrote and was kept back: a person sends it, changes it or drops it."""

    class State(models.TextChoices):
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
