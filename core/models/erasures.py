"""Erasures of people, and their progress."""

from typing import ClassVar

from django.db import models

from core.clock import now
from core.privacy.encrypted_fields import EncryptedJSONField
from core.tenancy.models import TenantModel


class Erasure(TenantModel):
    """The erasure of one person; done, it keeps no `traces`. The database guards rows and transitions."""

    class State(models.TextChoices):
        """The states of an erasure, in order; a parked one continues when it is retried."""

        ASKED = "asked", "Asked for"
        WORKING = "working", "At work"
        DONE = "done", "Done"
        PARKED = "parked", "Stopped"

    class Subject(models.TextChoices):
        CONTACT = "contact", "A contact"
        MEMBER = "member", "A member"

    class Reason(models.TextChoices):
        """The reason: a code, because free text could name the person again."""

        ASKED_FOR = "asked_for", "The person asked for it"
        CONSENT_WITHDRAWN = "consent_withdrawn", "The person withdrew the consent"
        NOT_NEEDED = "not_needed", "The data is no longer needed"
        UNLAWFUL = "unlawful", "The data should not have been kept"

    subject_type = models.CharField(max_length=10, choices=Subject)
    subject_id = models.UUIDField(help_text="The contact or the membership.")
    state = models.CharField(max_length=10, choices=State, default=State.ASKED)
    reason = models.CharField(max_length=20, choices=Reason)
    asked_by = models.UUIDField(null=True)
    asked_at = models.DateTimeField(default=now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    targets = models.JSONField(default=dict, help_text="Ids of what is the person's, by kind.")
    traces = EncryptedJSONField(null=True, help_text="Name and addresses, by which other rows are found.")
    still_named = models.JSONField(default=list, help_text="Ids of requests of others that still hold the name.")
    tried_at = models.DateTimeField(null=True, help_text="When the sweep came last.")
    round_at = models.DateTimeField(null=True, help_text="When this round began.")
    rounds = models.PositiveSmallIntegerField(default=0)
    changes = models.PositiveIntegerField(default=0, help_text="Rows that were changed in this round.")
    step = models.CharField(max_length=60, blank=True, help_text="The step that comes next.")
    after = models.CharField(max_length=60, blank=True, help_text="The last row that this step has looked at.")
    counts = models.JSONField(default=dict, help_text="How many rows were changed, by step.")
    waits_for = models.JSONField(default=list, help_text="What is in the way for now: references and codes.")

    class Meta:
        permissions: ClassVar = [("view_erasures", "Can see who was erased and how far it has come")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "subject_type", "subject_id"], name="one_erasure_per_person"),
            models.CheckConstraint(
                condition=~models.Q(state="done") | models.Q(traces__isnull=True, finished_at__isnull=False),
                name="done_erasures_keep_no_traces",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["id"], name="erasures_to_do", condition=models.Q(state__in=["asked", "working"])),
        ]
