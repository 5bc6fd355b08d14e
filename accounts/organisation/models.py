"""Tables of the organisation itself: the tiers that operators make, the history of its settings, and its logo."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from core.ids import uuid7
from core.tenancy.models import Dated, TenantModel


class Tier(Dated):
    """What an organisation may use, as the operator sells it; an empty limit is none. Outside the tenant wall."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=40, unique=True)
    members = models.PositiveIntegerField(null=True, help_text="Active members.")
    agents = models.PositiveIntegerField(null=True, help_text="Agents of its own, drafts too.")
    channels = models.PositiveIntegerField(null=True, help_text="Channels that are switched on.")
    messages = models.PositiveIntegerField(null=True, help_text="Messages a day, of customers and to them.")
    model_spend = models.DecimalField(
        max_digits=14, decimal_places=2, null=True, help_text="What models may cost a month, in its own currency."
    )
    requests = models.PositiveIntegerField(null=True, help_text="Requests to the API a minute.")
    sockets = models.PositiveIntegerField(null=True, help_text="Live connections of the console and of apps.")
    storage = models.PositiveIntegerField(null=True, help_text="Megabytes of files.")
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(requests=None) | models.Q(requests__gt=0), name="tiers_allow_requests"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class SettingChange(Dated, TenantModel):
    """A setting of the organisation got a value; the newest row of a key says who changed it, and when."""

    append_only: ClassVar[bool] = True

    key = models.CharField(max_length=30)
    value = models.JSONField()
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )

    class Meta:
        indexes: ClassVar = [models.Index(fields=["tenant_id", "key", "-id"], name="setting_changes_by_key")]


class OrganisationLogo(TenantModel):
    """The organisation's logo, as we drew it: for its chats that have none of their own, and its invitations."""

    content = models.BinaryField(help_text="A small picture.")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["tenant_id"], name="one_logo")]
