"""Cases of an agent, the runs of its checks, and what each showed."""

from typing import ClassVar, Final

from django.conf import settings
from django.db import models

from agents.studio.models import Agent, AgentVersion
from conversations.models import Conversation, Message
from core.clock import now
from core.reliability.lease import Leased
from core.tenancy.models import TenantModel

LOST: Final = "lost"
"""The error of a result whose workers all ended before it was made."""


class EvalCase(TenantModel):
    """One case of an agent: who speaks, what they say, and what has to happen."""

    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="cases")
    name = models.CharField(max_length=80)
    is_must = models.BooleanField(default=False, help_text="Whether a failure blocks activation.")
    document = models.JSONField(help_text="The case as in a file of cases, masked.")
    conversation = models.ForeignKey(Conversation, null=True, on_delete=models.CASCADE, related_name="+")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=now, editable=False)
    changed_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "agent", "name"], name="one_case_per_name"),
        ]

    def __str__(self) -> str:
        return f"case {str(self.id)[-6:]}"


class EvalRun(Leased, TenantModel):
    """One run over an agent's cases, or over its past conversations. Kept as long as trials."""

    class Kind(models.TextChoices):
        """What it answers."""

        CASES = "cases", "Cases"
        REPLAY = "replay", "Past conversations"

    class State(models.TextChoices):
        """How far it is."""

        RUNNING = "running", "Running"
        FINISHED = "finished", "Finished"

    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="eval_runs")
    version = models.ForeignKey(AgentVersion, on_delete=models.CASCADE, related_name="+")
    revision = models.PositiveIntegerField(default=1)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=6, choices=Kind)
    state = models.CharField(max_length=8, choices=State, default=State.RUNNING)
    digest = models.CharField(max_length=64, blank=True, help_text="Of the cases that must pass, as they were.")
    error_code = models.CharField(max_length=40, blank=True)
    touched_at = models.DateTimeField(default=now)
    created_at = models.DateTimeField(default=now, editable=False)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "agent", "-id"], name="eval_runs_by_agent"),
            models.Index(fields=["lease_until"], condition=models.Q(state="running"), name="open_eval_runs"),
        ]

    def __str__(self) -> str:
        return f"check {str(self.id)[-6:]}"

    @property
    def is_open(self) -> bool:
        """Return True while results may still come."""
        return self.state == self.State.RUNNING


class EvalResult(TenantModel):
    """What one case or past conversation showed; all texts are masked."""

    run = models.ForeignKey(EvalRun, on_delete=models.CASCADE, related_name="results")
    number = models.PositiveSmallIntegerField()
    document = models.JSONField(default=dict, help_text="The case as it was.")
    conversation = models.ForeignKey(Conversation, null=True, on_delete=models.CASCADE, related_name="+")
    message = models.ForeignKey(Message, null=True, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=80, blank=True)
    is_must = models.BooleanField(default=False)
    said = models.TextField(blank=True)
    before = models.TextField(blank=True, help_text="What was answered then.")
    answer = models.TextField(blank=True)
    stopped = models.TextField(blank=True)
    steps = models.JSONField(default=list)
    sources = models.JSONField(default=list)
    misses = models.JSONField(default=list)
    passed = models.BooleanField(null=True)
    brings_person = models.BooleanField(default=False)
    error_code = models.CharField(max_length=40, blank=True)
    milliseconds = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    finished_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "run", "number"], name="one_result_per_number"),
        ]

    def __str__(self) -> str:
        return f"result {self.number}"
