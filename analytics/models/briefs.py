"""Models of the daily brief: each person's preference, and the briefs of the last month."""

from datetime import time
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from analytics.brief.choices import default_sections
from analytics.brief.texts import Language
from core.clock import now
from core.privacy.encrypted_fields import EncryptedJSONField
from core.reliability.lease import Leased
from core.tenancy.models import Dated, TenantModel


def every_section() -> list[str]:
    return default_sections()


class BriefPreference(Dated, TenantModel):
    """How a person wants their daily brief; it is off until they turn it on."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    is_on = models.BooleanField("on", default=False)
    at = models.TimeField("local time", default=time(7, 30))
    zone = models.CharField(
        "time zone", max_length=64, blank=True, default="", help_text="Empty for that of the profile."
    )
    sections = ArrayField(models.CharField(max_length=20), default=every_section)
    language = models.CharField(
        max_length=2,
        choices=[(code.value, code.label) for code in Language],
        blank=True,
        default="",
        help_text="Empty for that of the profile.",
    )
    next_due_at = models.DateTimeField("next", null=True)
    changed_at = models.DateTimeField(default=now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "user"], name="one_preference_per_person"),
            models.CheckConstraint(
                condition=Q(is_on=True, next_due_at__isnull=False) | Q(is_on=False, next_due_at__isnull=True),
                name="a_brief_that_is_on_is_due_some_time",
            ),
        ]
        indexes: ClassVar = [
            # Over all tenants: the sweep queries it every minute.
            models.Index(fields=["next_due_at"], name="briefs_due", condition=Q(next_due_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"brief settings {str(self.id)[-6:]}"


class Brief(Leased, Dated, TenantModel):
    """One brief of one person: of a local date, or requested in between."""

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        WORKING = "working", "In progress"
        SENT = "sent", "Sent"
        SKIPPED = "skipped", "Skipped"
        FAILED = "failed", "Failed"

    class Kind(models.TextChoices):
        DAILY = "daily", "Daily"
        ASKED = "asked", "On request"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=5, choices=Kind, default=Kind.DAILY)
    state = models.CharField(max_length=7, choices=State, default=State.QUEUED)
    local_date = models.DateField("day")
    due_at = models.DateTimeField(default=now)
    reason = models.CharField(max_length=40, blank=True)
    content = EncryptedJSONField(null=True)
    delivery_id = models.UUIDField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField("sent", null=True)
    opened_at = models.DateTimeField("opened", null=True)
    clicked_at = models.DateTimeField("clicked", null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "user", "local_date"],
                name="one_daily_brief_per_local_date",
                condition=Q(kind="daily"),
            ),
            models.UniqueConstraint(
                fields=["tenant_id", "user"],
                name="one_brief_asked_for_at_a_time",
                condition=Q(kind="asked", state__in=["queued", "working"]),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "user", "-id"], name="briefs_of_person"),
            models.Index(fields=["tenant_id", "id"], name="briefs_of_tenant"),
            models.Index(fields=["created_at"], name="briefs_by_age"),
            models.Index(fields=["lease_until"], name="briefs_to_make", condition=Q(state__in=["queued", "working"])),
        ]

    def __str__(self) -> str:
        return f"brief of {self.local_date:%Y-%m-%d}"
