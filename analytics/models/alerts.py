"""Alert rules, the alerts they raised, who is told, and one row for each message."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from conversations.models import Team
from core.clock import now
from core.privacy.encrypted_fields import EncryptedTextField
from core.tenancy.models import Dated, TenantModel


class Severity(models.TextChoices):
    """How bad it is; critical ones don't wait for the end of quiet hours."""

    INFO = "info", "Information"
    WARNING = "warning", "Warning"
    CRITICAL = "critical", "Critical"


class Way(models.TextChoices):
    """How people and systems are told."""

    NOTICE = "notice", "Notice in the console"
    MAIL = "mail", "Email"
    SLACK = "slack", "Slack"
    PAGERDUTY = "pagerduty", "PagerDuty"
    WEBHOOK = "webhook", "Webhook"


class AlertRule(Dated, TenantModel):
    """A condition over facts of the organisation, and who is told when it holds for long enough."""

    class State(models.TextChoices):
        OK = "ok", "OK"
        PENDING = "pending", "Pending"
        FIRING = "firing", "Firing"
        SILENCED = "silenced", "Silenced"
        BROKEN = "broken", "Broken"

    key = models.CharField(max_length=30, blank=True, help_text="Of a ready-made rule.")
    name = models.CharField(max_length=80)
    condition = models.CharField(max_length=500)
    hold_seconds = models.PositiveIntegerField(default=0, help_text="How long it has to hold.")
    severity = models.CharField(max_length=8, choices=Severity, default=Severity.WARNING)
    ways = ArrayField(models.CharField(max_length=9, choices=Way), default=list)
    team = models.ForeignKey(Team, null=True, on_delete=models.SET_NULL, related_name="+")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    runbook = models.CharField(max_length=300, blank=True)
    quiet_from = models.TimeField(null=True)
    quiet_until = models.TimeField(null=True)
    is_on = models.BooleanField(default=False)
    state = models.CharField(max_length=8, choices=State, default=State.OK)
    trouble = models.CharField(max_length=200, blank=True, help_text="Why it can't be evaluated.")
    state_since = models.DateTimeField(default=now)
    evaluated_at = models.DateTimeField(null=True)
    silenced_until = models.DateTimeField(null=True)
    damped_until = models.DateTimeField(null=True)
    turn = models.PositiveIntegerField(default=0, help_text="Counts changes of state: the claim of the next one.")
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "key"], name="one_rule_per_key", condition=~Q(key="")),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "name"], name="alert_rules_by_name"),
            models.Index(fields=["tenant_id"], name="alert_rules_on", condition=Q(is_on=True)),
        ]

    def __str__(self) -> str:
        return self.name


class Alert(TenantModel):
    """One time that a rule fired, from beginning to end; its id is the key by which PagerDuty joins messages."""

    rule = models.ForeignKey(AlertRule, on_delete=models.CASCADE, related_name="alerts", db_index=False)
    severity = models.CharField(max_length=8, choices=Severity)
    facts = models.JSONField(default=dict, help_text="The numbers when it began.")
    began_at = models.DateTimeField(default=now)
    ended_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "rule"], name="one_open_alert_per_rule", condition=Q(ended_at=None)
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["tenant_id", "rule", "-began_at"], name="alerts_of_rule")]


class AlertMessage(Dated, TenantModel):
    """One message about an alert by one way: written with the change, sent by a worker."""

    class Kind(models.TextChoices):
        """What it says; PagerDuty's words for the first three."""

        TRIGGER = "trigger", "Began"
        ACKNOWLEDGE = "acknowledge", "Acknowledged"
        RESOLVE = "resolve", "Ended"

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        SENT = "sent", "Sent"
        SKIPPED = "skipped", "Not needed"
        FAILED = "failed", "Failed"

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="messages", db_index=False)
    way = models.CharField(max_length=9, choices=Way)
    kind = models.CharField(max_length=11, choices=Kind)
    state = models.CharField(max_length=7, choices=State, default=State.QUEUED)
    damps = models.BooleanField(default=False, help_text="It also says that further ones are held back for an hour.")
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(default=now)
    error = models.CharField(max_length=40, blank=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "alert", "way", "kind"], name="one_message_per_change"),
        ]
        indexes: ClassVar = [models.Index(fields=["due_at"], name="alert_messages_due", condition=Q(state="queued"))]

    def __str__(self) -> str:
        return f"{self.kind} by {self.way}"


class AlertSettings(TenantModel):
    """Where an organisation's alerts go outside Walker, and which ready-made rules it was given."""

    routing_key = EncryptedTextField(default=str)
    slack_channel = models.CharField(max_length=40, blank=True)
    ready_made = ArrayField(
        models.CharField(max_length=30), default=list, help_text="The keys of the ready-made rules that it was given."
    )
    changed_at = models.DateTimeField(default=now)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["tenant_id"], name="one_alert_settings_per_tenant")]

    def __str__(self) -> str:
        return "alert settings"
