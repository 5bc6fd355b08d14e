"""The table of the roles that an organisation made for itself."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from core.tenancy.models import Dated, TenantModel


class Role(Dated, TenantModel):
    """A role of the organisation's own. A deleted one stays, so that its key is never given to another."""

    class Sees(models.TextChoices):
        """Whose conversations its members see."""

        ALL = "all", "Conversations of all teams"
        TEAMS = "teams", "Only conversations of their own teams, and those assigned to them"
        ASSIGNED = "assigned", "Only conversations assigned to them"

    key = models.CharField(max_length=14)
    name = models.CharField(max_length=60)
    permissions = ArrayField(models.CharField(max_length=60))
    sees = models.CharField(max_length=8, choices=Sees, default=Sees.ALL)
    session_hours = models.PositiveSmallIntegerField(
        null=True, help_text="After how many hours its members prove again who they are; null for the usual weeks."
    )
    version = models.PositiveIntegerField(default=1)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "key"], name="one_role_per_key"),
            models.UniqueConstraint(
                fields=["tenant_id", "name"], condition=models.Q(deleted_at=None), name="one_role_per_name"
            ),
        ]

    def __str__(self) -> str:
        return self.name
