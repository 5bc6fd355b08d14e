"""Messages to people about requests, how they want them, and what an organisation says in them."""

from datetime import time
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from core.clock import now
from core.reliability.lease import Leased
from core.tenancy.models import Dated, TenantModel
from hitl.approvals.models.approval import Approval
from hitl.domain.delivery_times import PER_HOUR
from hitl.domain.message_texts import BODY_LIMIT, SUBJECT_LIMIT


class NotificationPreference(Dated, TenantModel):
    """How a person wants to be notified outside the app; without a row, at once and over every channel.

    Whether they want emails at all is a column of their membership.
    """

    class Gather(models.TextChoices):
        """What waits for the digest."""

        NONE = "none", "Nothing"
        LOW = "low", "Low risk"
        MEDIUM = "medium", "Low and medium risk"

    class Every(models.TextChoices):
        HOURLY = "hourly", "Every hour"
        DAILY = "daily", "Once a day"

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    channels_off = ArrayField(models.CharField(max_length=20), default=list)
    quiet_from = models.TimeField("quiet from", null=True)
    quiet_until = models.TimeField("quiet until", null=True)
    zone = models.CharField("time zone", max_length=64, blank=True, help_text="Empty: the organisation's.")
    language = models.CharField(max_length=11, blank=True, default="", db_default="")
    gather = models.CharField(max_length=6, choices=Gather, default=Gather.NONE)
    every = models.CharField(max_length=6, choices=Every, default=Every.HOURLY)
    at = models.TimeField("local time", default=time(8, 0))
    per_hour = models.PositiveSmallIntegerField(default=PER_HOUR)
    changed_at = models.DateTimeField(default=now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "person"], name="one_notification_preference_per_person"),
            models.CheckConstraint(
                condition=Q(quiet_from=None, quiet_until=None)
                | Q(quiet_from__isnull=False, quiet_until__isnull=False) & ~Q(quiet_from=F("quiet_until")),
                name="quiet_hours_begin_and_end",
            ),
        ]

    def __str__(self) -> str:
        return f"notification settings {str(self.id)[-6:]}"


class NotificationTemplate(TenantModel):
    """One version of an organisation's text of a message in a language; the newest is used.

    Without a language it is for everybody whose language has no text of its own. A version without texts puts the
    built-in text back.
    """

    append_only: ClassVar[bool] = True

    template = models.CharField(max_length=60)
    language = models.CharField(max_length=11, blank=True)
    version = models.PositiveIntegerField()
    subject = models.CharField(max_length=SUBJECT_LIMIT, blank=True)
    body = models.CharField(max_length=BODY_LIMIT, blank=True)
    reason = models.CharField(max_length=300, blank=True)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(default=now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "version"], name="one_notification_template_per_version"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "template", "language", "-version"], name="texts_by_language"),
        ]

    def __str__(self) -> str:
        return f"text {self.version}"


class Notification(Leased, TenantModel):
    """A message to one person over one channel.

    While `held`, it waits until `hold_until` for the end of quiet hours, the next digest or a calmer hour (`held_for`).
    Those that leave as one message have the same `digest_id`.
    """

    approval = models.ForeignKey(Approval, on_delete=models.PROTECT, related_name="notifications")
    revision = models.PositiveIntegerField(default=1)
    level = models.PositiveSmallIntegerField(default=1)
    channel = models.CharField(max_length=20, default="in_app")
    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    template = models.CharField(max_length=60)
    variables = models.JSONField(default=dict)
    status = models.CharField(max_length=20, default="queued")
    provider = models.CharField(max_length=40, blank=True)
    provider_message_id = models.CharField(max_length=120, blank=True)
    provider_response = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=now)
    sent_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)
    failure_reason = models.CharField(max_length=300, blank=True)
    is_reminder = models.BooleanField(default=False)
    reminder_number = models.PositiveSmallIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    hold_until = models.DateTimeField(null=True)
    held_for = models.CharField(max_length=6, blank=True, default="", db_default="")
    digest_id = models.UUIDField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "recipient", "-id"], name="notifications_of_person"),
            # Over all tenants: the sweep queries it.
            models.Index(fields=["hold_until"], name="notifications_held", condition=Q(status="held")),
            models.Index(
                fields=["tenant_id", "recipient", "channel", "sent_at"],
                name="notifications_sent",
                condition=Q(sent_at__isnull=False) & ~Q(channel="in_app"),
            ),
            models.Index(
                fields=["tenant_id", "digest_id"],
                name="notifications_of_digest",
                condition=Q(digest_id__isnull=False),
            ),
            models.Index(
                fields=["created_at"], name="notifications_queued", condition=Q(status__in=["queued", "sending"])
            ),
        ]

    def __str__(self) -> str:
        return f"{self.template} by {self.channel}"
