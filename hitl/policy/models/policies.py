"""Spending limits and their use, risk scoring, approve-by-email links, and deciding in the console."""

from typing import ClassVar, Final

from django.conf import settings
from django.db import models

from core.clock import now
from core.tenancy.models import Dated, TenantModel
from core.text.amounts import money_text
from hitl.approvals.models.approval import Approval


class Cap(Dated, TenantModel):
    """A spending limit per calendar day or month of the tenant's zone, in one currency."""

    class Scope(models.TextChoices):
        ALL = "all", "Everything"
        KIND = "kind", "One kind of action"
        AGENT = "agent", "One agent"

    class Window(models.TextChoices):
        """The period after which it starts again."""

        DAY = "day", "A day"
        MONTH = "month", "A month"

    scope = models.CharField(max_length=10, choices=Scope, default=Scope.ALL)
    target = models.CharField(max_length=60, blank=True)
    currency = models.CharField(max_length=3)
    amount = models.DecimalField(max_digits=16, decimal_places=2)
    window = models.CharField(max_length=10, choices=Window, default=Window.DAY)
    is_active = models.BooleanField(default=True)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "scope", "target", "currency", "window"],
                name="one_cap_each",
                condition=models.Q(is_active=True),
            ),
            models.CheckConstraint(condition=models.Q(amount__gte=0), name="caps_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{money_text(self.amount, self.currency)} a {self.window}"


class CapReservation(TenantModel):
    """The amount of a limit that one revision uses: reserved, then spent or released."""

    class State(models.TextChoices):
        RESERVED = "reserved", "Reserved"
        COMMITTED = "committed", "Spent"
        RELEASED = "released", "Given back"

    cap = models.ForeignKey(Cap, on_delete=models.PROTECT, related_name="reservations")
    approval = models.ForeignKey(Approval, on_delete=models.PROTECT, related_name="reservations")
    revision = models.PositiveIntegerField()
    period = models.CharField(max_length=10)
    """The day or month it counts in, such as `2026-11-21` or `2026-11`."""
    amount = models.DecimalField(max_digits=16, decimal_places=2)
    state = models.CharField(max_length=10, choices=State, default=State.RESERVED)
    created_at = models.DateTimeField(default=now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "cap", "approval", "revision"], name="one_reservation_per_revision"
            ),
            models.CheckConstraint(condition=models.Q(amount__gte=0), name="reservation_is_no_credit"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["tenant_id", "cap", "period"],
                name="reservations_that_count",
                condition=models.Q(state__in=["reserved", "committed"]),
            ),
        ]

    def __str__(self) -> str:
        return f"reservation of {self.approval_id}"


class ComplianceFlag(Dated, TenantModel):
    """A mark for requests: people set it, and its condition if it has one."""

    name = models.CharField(max_length=40)
    label = models.CharField(max_length=60)
    condition = models.CharField(max_length=500, blank=True)
    is_active = models.BooleanField(default=True)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "name"], name="one_flag_per_name", condition=models.Q(is_active=True)
            ),
        ]

    def __str__(self) -> str:
        return self.label


class RiskPolicy(TenantModel):
    """One version of risk scoring; the newest is used, older ones are kept."""

    append_only: ClassVar[bool] = True

    version = models.PositiveIntegerField()
    weights = models.JSONField(default=dict)
    kind_points = models.JSONField(default=dict)
    reason = models.CharField(max_length=300, blank=True)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(default=now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "version"], name="one_risk_policy_per_version"),
        ]

    def __str__(self) -> str:
        return f"Risk policy {self.version}"


class LinkPolicy(TenantModel):
    """One version of the setting for email approvals; the newest is used, by default they are on."""

    append_only: ClassVar[bool] = True

    version = models.PositiveIntegerField()
    is_on = models.BooleanField()
    reason = models.CharField(max_length=300, blank=True)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(default=now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "version"], name="one_link_policy_per_version"),
        ]

    def __str__(self) -> str:
        return f"Links {'on' if self.is_on else 'off'}, version {self.version}"


BATCH_RISKS: Final = [("none", "None"), ("low", "Low"), ("medium", "Medium"), ("high", "High")]


class DecisionPolicy(TenantModel):
    """One version of the settings for deciding in the console; the newest is used."""

    append_only: ClassVar[bool] = True

    version = models.PositiveIntegerField()
    undo_seconds = models.PositiveSmallIntegerField(default=10)
    """How long an approval given in the console can be undone and is not executed."""
    batch_risk = models.CharField(max_length=10, choices=BATCH_RISKS, default="medium")
    """The highest risk that may be approved together with other requests; never critical."""
    reason = models.CharField(max_length=300, blank=True)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(default=now)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(batch_risk__in=["none", "low", "medium", "high"]), name="batches_never_critical"
            ),
            models.UniqueConstraint(fields=["tenant_id", "version"], name="one_decision_policy_per_version"),
            models.CheckConstraint(condition=models.Q(undo_seconds__lte=60), name="undo_within_a_minute"),
        ]

    def __str__(self) -> str:
        return f"Decision settings {self.version}"
