"""Exports of evidence for a period: jobs, and the packed parts that they have written."""

from datetime import datetime, timedelta
from typing import ClassVar, Final

from django.conf import settings
from django.db import models

from core.clock import now
from core.privacy.encrypted_fields import EncryptedTextField
from core.tenancy.models import TenantModel

KEPT: Final = timedelta(days=7)


class EvidenceExport(TenantModel):
    """The evidence of all requests of a period, written by a worker part by part; its file is kept for some days."""

    class State(models.TextChoices):
        RUNNING = "running", "Being written"
        DONE = "done", "Ready"
        STOPPED = "stopped", "Stopped"
        REMOVED = "removed", "File removed"

    state = models.CharField(max_length=10, choices=State, default=State.RUNNING)
    since = models.DateTimeField()
    until = models.DateTimeField()
    total = models.PositiveIntegerField()
    written = models.PositiveIntegerField(default=0)
    wrong = models.PositiveIntegerField(default=0)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    exporter_kind = models.CharField(max_length=10)
    exporter_role = models.CharField(max_length=20, blank=True)
    created_at = models.DateTimeField(default=now)
    moved_at = models.DateTimeField(default=now)
    finished_at = models.DateTimeField(null=True)
    sha256 = models.CharField(max_length=64, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["moved_at"], name="evidence_running", condition=models.Q(state="running")),
            models.Index(fields=["tenant_id", "-id"], name="evidence_newest"),
        ]

    @property
    def kept_until(self) -> datetime | None:
        """Return until when the file can be downloaded."""
        return self.finished_at and self.finished_at + KEPT

    def __str__(self) -> str:
        return f"evidence {self.since:%Y-%m-%d} to {self.until:%Y-%m-%d}"


class EvidencePart(TenantModel):
    """A packed and encrypted part of an export, with the list of its records."""

    export = models.ForeignKey(EvidenceExport, on_delete=models.CASCADE, related_name="parts", db_index=False)
    number = models.PositiveIntegerField()
    last_approval = models.UUIDField(null=True)
    content = EncryptedTextField()
    records = models.JSONField(default=list)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "export", "number"], name="one_part_per_number"),
        ]

    def __str__(self) -> str:
        return f"part {self.number} of {self.export_id}"
