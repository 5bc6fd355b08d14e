"""Trials of an agent: who tried which version as whom, and what it answered."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from agents.models import Agent, AgentVersion
from core.clock import now
from core.tenancy.models import TenantModel


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

    def __str__(self) -> str:
        return f"trial {str(self.id)[-6:]}"


class TrialTurn(TenantModel):
    """What was said in a trial, masked, and all that the agent did to answer it."""

    trial = models.ForeignKey(Trial, on_delete=models.CASCADE, related_name="turns")
    number = models.PositiveSmallIntegerField()
    revision = models.PositiveIntegerField(help_text="Of the version that answered.")
    said = models.TextField()
    answer = models.TextField(blank=True)
    stopped = models.TextField(blank=True, help_text="What the model wrote and the gate would not have sent.")
    steps = models.JSONField(default=list)
    sources = models.JSONField(default=list)
    confidence = models.FloatField(null=True, help_text="How much of the question the cited passages cover.")
    brings_person = models.BooleanField(default=False)
    error_code = models.CharField(max_length=40, blank=True)
    rounds = models.PositiveSmallIntegerField(default=0)
    milliseconds = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "trial", "number"], name="one_trial_turn_per_number"),
        ]

    def __str__(self) -> str:
        return f"turn {self.number} of a trial"
