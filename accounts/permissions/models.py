"""The tables of the roles that an organisation made for itself, and of what is shared beside roles."""

from typing import ClassVar

from django.conf import settings
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


class Share(Dated, TenantModel):
    """A right on one object for a role, a team or one person, beside what roles allow; it may end by itself."""

    class Kind(models.TextChoices):
        """What can be shared."""

        CONVERSATION = "conversation", "Conversation"
        APPROVAL = "approval", "Request"
        CONTACT = "contact", "Contact"
        AGENT = "agent", "Agent"

    class Level(models.TextChoices):
        """How much it allows; acting allows seeing, too."""

        SEE = "see", "See"
        ACT = "act", "Act"

    kind = models.CharField(max_length=12, choices=Kind)
    object_id = models.UUIDField(help_text="Of a table that may lie above this app.")
    level = models.CharField(max_length=3, choices=Level)
    role = models.CharField(max_length=14, blank=True, default="", help_text="The key of the role that has it, if any.")
    team_id = models.UUIDField(null=True, help_text="The team that has it, if any.")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, db_index=False
    )
    ends_at = models.DateTimeField(null=True, help_text="From when it allows nothing any more; null for never.")
    reason = models.CharField(max_length=300, help_text="Why, with personal data masked.")
    shared_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, db_index=False
    )

    class Meta:
        permissions: ClassVar = [("share_objects", "Can share single objects with others")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "kind", "object_id", "role", "team_id", "user"],
                nulls_distinct=False,
                name="one_share_per_object_and_grantee",
            ),
            models.CheckConstraint(
                condition=models.Q(role="", team_id=None, user__isnull=False)
                | models.Q(role="", team_id__isnull=False, user=None)
                | (~models.Q(role="") & models.Q(team_id=None, user=None)),
                name="shares_have_one_grantee",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "user"], name="shares_by_person"),
            models.Index(fields=["ends_at"], name="shares_by_end", condition=models.Q(ends_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {str(self.object_id)[-6:]}"
