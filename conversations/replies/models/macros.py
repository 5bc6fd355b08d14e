"""Macros: what colleagues do with many conversations in the same way, under one name."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from conversations.replies.models.shared import SharedTool


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
