"""Macros: what colleagues do with many conversations in the same way, under one name."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from conversations.models.teams import Team
from core.clock import now
from core.tenancy.models import TenantModel


class Macro(TenantModel):
    """Steps that are done with a conversation at once, for oneself, a team or everybody."""

    name = models.CharField(max_length=60)
    steps = models.JSONField(default=dict, help_text="The values of each step, by its kind.")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+", help_text="Only theirs."
    )
    team = models.ForeignKey(
        Team, null=True, on_delete=models.CASCADE, related_name="+", help_text="Only of this team."
    )
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "name", "owner", "team"], name="one_macro_per_name", nulls_distinct=False
            ),
            models.CheckConstraint(condition=Q(owner__isnull=True) | Q(team__isnull=True), name="macro_has_one_scope"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def scope(self) -> str:
        """Return who may use it: "personal", "team" or "all"."""
        return "personal" if self.owner_id else "team" if self.team_id else "all"
