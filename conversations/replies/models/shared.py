"""What canned replies and macros have in common: they are for oneself, for a team, or for everybody."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from conversations.inbox.teams.models import Team
from core.clock import now
from core.tenancy.models import TenantModel


class SharedTool(TenantModel):
    """Something that people at the desk use: with an owner only they, with a team its members, otherwise everybody."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+", help_text="Only theirs."
    )
    team = models.ForeignKey(
        Team, null=True, on_delete=models.CASCADE, related_name="+", help_text="Only of this team."
    )
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        abstract = True

    @property
    def scope(self) -> str:
        """Return who may use it: "personal", "team" or "all"."""
        return "personal" if self.owner_id else "team" if self.team_id else "all"
