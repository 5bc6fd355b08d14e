"""Kill switches (emergency stops): while one covers a request, it isn't executed."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from core.clock import now
from core.ids import uuid7
from core.tenancy.models import TenantModel

USER = settings.AUTH_USER_MODEL


class KillSwitch(TenantModel):
    """A switch over a tenant, one agent, one kind of action, or one connection with an outside system."""

    class Scope(models.TextChoices):
        TENANT = "tenant", "Everything"
        AGENT = "agent", "One agent"
        KIND = "kind", "One kind of action"
        CONNECTION = "connection", "One connection"

    scope = models.CharField(max_length=10, choices=Scope)
    target = models.CharField(max_length=60, blank=True)
    reason = models.CharField(max_length=300)
    activated_by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+")
    activated_at = models.DateTimeField(default=now)
    released_by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+")
    released_at = models.DateTimeField(null=True)

    in_flight_calls: int = 0
    """Set by the service that starts it, not stored: calls that began before and are not finished."""
    changed_outside: bool = False
    """Set where it is read, not stored: it is in force, and its row is gone or not as the application left it."""

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "scope", "target"],
                name="one_switch_per_target",
                condition=models.Q(released_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_scope_display()} {self.target}".strip()


class GlobalKillSwitch(models.Model):
    """The switch of the installation, outside the tenant wall: active while `released_at` is empty."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    reason = models.CharField(max_length=300)
    activated_at = models.DateTimeField(default=now)
    released_at = models.DateTimeField(null=True)

    in_flight_calls: int = 0
    changed_outside: bool = False
    """As above."""

    def __str__(self) -> str:
        return f"global switch of {self.activated_at:%Y-%m-%d}"
