"""Simulations of changed rules on past requests."""

from typing import ClassVar

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from core.clock import now
from core.reliability.lease import Leased
from core.tenancy.models import TenantModel


class Simulation(Leased, TenantModel):
    """A changed rule that is tried on past requests, its progress and its result; deleted after 30 days.

    It holds ids, numbers and the organisation's own rules, no texts of requests.
    """

    class What(models.TextChoices):
        WORKFLOW = "workflow", "Workflow"
        CAP = "cap", "Spending limit"
        RISK = "risk", "Risk scoring"

    class State(models.TextChoices):
        QUEUED = "queued", "Waiting"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        STOPPED = "stopped", "Stopped"
        FAILED = "failed", "Failed"

    what = models.CharField(max_length=10, choices=What)
    title = models.CharField(max_length=120)
    draft = models.JSONField(encoder=DjangoJSONEncoder)
    days = models.PositiveSmallIntegerField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(default=now)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    attempt = models.PositiveSmallIntegerField(default=0)
    """How often a worker began it."""
    evaluated = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    failure = models.CharField(max_length=200, blank=True)
    result = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id"],
                name="one_simulation_at_a_time",
                condition=models.Q(state__in=["queued", "running"]),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "-id"], name="simulations_newest"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_active(self) -> bool:
        """Return True while it waits or runs."""
        return self.state in (self.State.QUEUED, self.State.RUNNING)
