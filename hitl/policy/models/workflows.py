"""Workflows: which requests need whose approval, and the calendars that deadlines count by."""

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from core.tenancy.models import Dated, TenantModel


class ApproverGroup(TenantModel):
    """A named set of people who may be asked together."""

    name = models.CharField(max_length=80)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "name"], name="one_group_per_name"),
        ]

    def __str__(self) -> str:
        return self.name


class GroupMember(TenantModel):
    """A person's place in an approver group."""

    group = models.ForeignKey(ApproverGroup, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "group", "user"], name="one_place_each"),
        ]

    def __str__(self) -> str:
        return f"{str(self.user_id)[-6:]} in {self.group_id}"


class ApprovalWorkflow(Dated, TenantModel):
    """Which requests it covers and how they are decided; open requests keep their snapshot."""

    name = models.CharField(max_length=80)
    description = models.CharField(max_length=300, blank=True)
    is_active = models.BooleanField(default=True)
    is_default = models.BooleanField(default=False)
    priority = models.IntegerField(default=0)
    version = models.PositiveIntegerField(default=1)

    kinds = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    risk_levels = ArrayField(models.CharField(max_length=10), default=list, blank=True)
    min_cost = models.DecimalField(max_digits=16, decimal_places=2, null=True, blank=True)
    max_cost = models.DecimalField(max_digits=16, decimal_places=2, null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    agents = ArrayField(models.UUIDField(), default=list, blank=True)
    channels = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    contact_tags = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    time_window = models.JSONField(default=dict, blank=True)
    condition = models.CharField(max_length=500, blank=True)

    expire_hours = models.PositiveIntegerField(default=72)
    execute_within_hours = models.PositiveIntegerField(default=24)
    auto_rules = models.JSONField(default=list, blank=True)
    edit_policy = models.JSONField(default=dict, blank=True)
    escalation = models.JSONField(default=list, blank=True)
    reminder_every_hours = models.PositiveIntegerField(default=0)
    reminder_max = models.PositiveSmallIntegerField(default=0)
    notify_by = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    allow_override = models.BooleanField(default=False)
    distinct_approvers = models.BooleanField(default=False)
    """Require different people at each level."""
    open_per_agent = models.PositiveSmallIntegerField(default=50)

    class Meta:
        # Object permission: the right on one workflow, granted to a role.
        permissions: ClassVar = [("manage_workflow", "Can change workflows and limits")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id"],
                name="one_default_workflow",
                condition=models.Q(is_default=True, is_active=True),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "is_active"], name="workflows_active"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def condition_texts(self) -> list[str]:
        """Return its condition and those of its automatic rules, as they are written."""
        texts = [self.condition, *(str(rule.get("condition") or "") for rule in self.auto_rules)]
        return [text for text in texts if text]


class ApprovalLevel(TenantModel):
    """One step of a workflow: who is asked, and how many of them must agree."""

    class Mode(models.TextChoices):
        """How the votes of a level add up."""

        ANY = "any", "Any one"
        ALL = "all", "Everyone"
        QUORUM = "quorum", "A number of them"
        PER_GROUP = "per_group", "One of each group"

    workflow = models.ForeignKey(ApprovalWorkflow, on_delete=models.CASCADE, related_name="levels")
    order = models.PositiveSmallIntegerField(default=1)
    name = models.CharField(max_length=80, blank=True)
    mode = models.CharField(max_length=10, choices=Mode, default=Mode.ANY)
    quorum = models.PositiveSmallIntegerField(default=1)
    reject_threshold = models.PositiveSmallIntegerField(default=1)
    approvers = models.JSONField(default=list)
    sla_hours = models.PositiveIntegerField(default=8)
    parallel = models.BooleanField(default=False)
    """Opens at the same time as the level before it; both must be satisfied."""
    calendar = models.ForeignKey(
        "hitl.BusinessCalendar", on_delete=models.PROTECT, null=True, blank=True, related_name="levels"
    )
    require_reason = models.BooleanField(default=False)
    min_auth = models.CharField(max_length=10, blank=True)
    editable_fields = ArrayField(models.CharField(max_length=60), default=list, blank=True)

    class Meta:
        ordering: ClassVar = ["order"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "workflow", "order"], name="one_level_per_place"),
        ]

    def __str__(self) -> str:
        return self.name or f"Level {self.order}"

    @property
    def votes_needed(self) -> int:
        """Return how many votes it needs at least, as its mode counts them."""
        rows = len(self.approvers)
        return {"quorum": self.quorum, "all": max(2, rows), "per_group": rows}.get(self.mode, 1)


class BusinessCalendar(Dated, TenantModel):
    """The working hours that count towards deadlines; each request keeps its own copy."""

    name = models.CharField(max_length=60)
    zone = models.CharField(max_length=60)
    week = models.JSONField(default=dict)
    """Shifts of each day by the wall clock: {"mon": [["09:00", "12:00"], ["13:00", "17:00"]], ...}."""
    holidays = models.JSONField(default=list, blank=True)
    """Days without work: [{"day": "2026-12-25", "name": "Christmas Day"}, ...]."""
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "name"], name="one_calendar_per_name"),
        ]

    def __str__(self) -> str:
        return self.name

    def definition(self) -> dict[str, Any]:
        """Return the copy that a request keeps."""
        days = [row["day"] for row in self.holidays]
        return {"zone": self.zone, "week": self.week, "holidays": days}
