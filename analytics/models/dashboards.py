"""Dashboards: cards of figures that a person has put together under a name."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from core.clock import now
from core.tenancy.models import TenantModel


class FigureDashboard(TenantModel):
    """A person's choice of cards, in their order; a shared one is shown to everybody who may see figures."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=40)
    cards = ArrayField(models.CharField(max_length=60))
    days = models.PositiveSmallIntegerField(default=30)
    is_shared = models.BooleanField("shared", default=False)
    created_at = models.DateTimeField(default=now, editable=False)
    changed_at = models.DateTimeField(default=now)

    class Meta:
        verbose_name = "dashboard"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "owner", "name"], name="one_dashboard_per_name"),
        ]

    def __str__(self) -> str:
        return f"dashboard {str(self.id)[-6:]}"
