"""Canned replies: texts that colleagues write once and send often."""

import re
from typing import ClassVar, Final

from django.db import models
from django.db.models import Q

from conversations.messages.models.files import SealedFile
from conversations.replies.models.shared import SharedTool

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

    def __str__(self) -> str:
        return f"canned file {str(self.id)[-6:]}"
