"""Trials of an agent: who tried which version, who spoke, and what it answered."""

from typing import ClassVar, Final

from django.conf import settings
from django.db import models

from agents.studio.models import Agent, AgentVersion
from core.clock import now
from core.reliability.lease import Leased
from core.tenancy.models import TenantModel

LOST: Final = "lost"
"""The error of a turn whose workers all ended before they had answered."""


class Trial(TenantModel):
    """A chat with one version of an agent, seen by nobody but the person who tries it. Kept for a few days."""

    class Speaker(models.TextChoices):
        """Whose rights the trial has."""

        STRANGER = "public", "A stranger"
        CUSTOMER = "verified", "A proven customer"
        MEMBER = "member", "Yourself, as a member"

    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="trials")
    version = models.ForeignKey(AgentVersion, on_delete=models.CASCADE, related_name="+")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    speaker = models.CharField(max_length=8, choices=Speaker)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["tenant_id", "person", "-id"], name="trials_by_person")]


class TrialTurn(Leased, TenantModel):
    """What was said in a trial, masked, and all that the agent did to answer it."""

    class State(models.TextChoices):
        """How far the answer is."""

        WAITING = "waiting", "Waiting"
        ANSWERING = "answering", "Answering"
        ANSWERED = "answered", "Answered"

    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    trial = models.ForeignKey(Trial, on_delete=models.CASCADE, related_name="turns")
    number = models.PositiveSmallIntegerField()
    revision = models.PositiveIntegerField(default=1, help_text="Of the version that answered.")
    said = models.TextField()
    answer = models.TextField(blank=True)
    stopped = models.TextField(blank=True, help_text="What the model wrote and the gate would not have sent.")
    steps = models.JSONField(default=list)
    sources = models.JSONField(default=list)
    confidence = models.FloatField(null=True, help_text="From 0 to 1; null if the answer states nothing.")
    brings_person = models.BooleanField(default=False)
    error_code = models.CharField(max_length=40, blank=True)
    rounds = models.PositiveSmallIntegerField(default=0)
    milliseconds = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "trial", "number"], name="one_trial_turn_per_number"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["lease_until"], condition=~models.Q(state="answered"), name="open_trial_turns"),
        ]

    def __str__(self) -> str:
        return f"turn {self.number} of a trial"

    @property
    def is_open(self) -> bool:
        """Return True while an answer may still come."""
        return self.state != self.State.ANSWERED

    @property
    def is_lost(self) -> bool:
        """Return True if all workers that were to answer ended."""
        return self.error_code == LOST
