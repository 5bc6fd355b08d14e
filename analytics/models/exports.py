"""Exports of lists as files, the sealed pieces of their files, and exports that repeat."""

from datetime import time
from typing import ClassVar, Final

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from core.clock import now
from core.privacy.encrypted_fields import EncryptedTextField
from core.reliability.lease import Leased
from core.tenancy.models import Dated, TenantModel


class Format(models.TextChoices):
    """How the file is written."""

    CSV = "csv", "CSV table"
    XLSX = "xlsx", "Excel sheet (XLSX)"
    PARQUET = "parquet", "Parquet, for programs"
    JSONL = "jsonl", "JSON lines, for programs"


ARCHIVE: Final = "zip"
"""The format of exports of a person, which are no list."""


class ExportSchedule(Dated, TenantModel):
    """An export that repeats every week or month; its file is mailed as a link."""

    class Every(models.TextChoices):
        WEEK = "week", "Every week"
        MONTH = "month", "Every month"

    name = models.CharField(max_length=60)
    source = models.CharField(max_length=20)
    format = models.CharField(max_length=8, choices=Format, default=Format.CSV)
    filters = models.JSONField(default=dict)
    every = models.CharField(max_length=5, choices=Every, default=Every.WEEK)
    day = models.PositiveSmallIntegerField(default=1, help_text="1 is Monday, or the first of the month.")
    at = models.TimeField("local time", default=time(7))
    zone = models.CharField("time zone", max_length=64, default="UTC")
    recipients = ArrayField(models.UUIDField(), default=list)
    is_on = models.BooleanField("on", default=False)
    next_run_at = models.DateTimeField(null=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    trouble = models.CharField(max_length=40, blank=True, help_text="Why it was switched off.")
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(is_on=True, next_run_at__isnull=False) | Q(is_on=False, next_run_at__isnull=True),
                name="a_schedule_that_is_on_runs_some_time",
            ),
        ]
        indexes: ClassVar = [
            # Over all tenants: the sweep queries it every minute.
            models.Index(fields=["next_run_at"], name="schedules_due", condition=Q(next_run_at__isnull=False)),
            models.Index(fields=["tenant_id", "-id"], name="schedules_newest"),
        ]

    def __str__(self) -> str:
        return self.name


class Export(Leased, TenantModel):
    """One file of a list: requested, written by a worker, kept for some days."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waits for a second person"
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Being written"
        DONE = "done", "Ready"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"
        REFUSED = "refused", "Refused"
        EXPIRED = "expired", "File removed"

    source = models.CharField(max_length=20)
    format = models.CharField(max_length=8, choices=[*Format.choices, (ARCHIVE, "Archive (ZIP)")])
    filters = models.JSONField(default=dict)
    since = models.DateTimeField()
    until = models.DateTimeField()
    in_clear = models.BooleanField(default=False)
    state = models.CharField(max_length=9, choices=State, default=State.QUEUED)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = EncryptedTextField(default=str)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    decision_reason = EncryptedTextField(default=str)
    schedule = models.ForeignKey(ExportSchedule, on_delete=models.SET_NULL, null=True, related_name="exports")
    total = models.PositiveIntegerField(default=0)
    written = models.PositiveIntegerField(default=0)
    size = models.BigIntegerField(default=0)
    ending = models.CharField(max_length=8, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    error = models.CharField(max_length=30, blank=True)
    file_key = EncryptedTextField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField("requested", default=now)
    begun_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField("finished", null=True)
    expires_at = models.DateTimeField("expires", null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(in_clear=False) | ~Q(state__in=["queued", "running", "done"]) | Q(decided_by__isnull=False),
                name="in_clear_only_by_a_second_person",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "-id"], name="exports_newest"),
            models.Index(fields=["lease_until"], name="exports_open", condition=Q(state__in=["queued", "running"])),
            models.Index(fields=["expires_at"], name="exports_expiring", condition=Q(expires_at__isnull=False)),
        ]


class ExportPiece(TenantModel):
    """A piece of an export's file, sealed with the file's key; its bytes are here or in a store outside."""

    export = models.ForeignKey(Export, on_delete=models.CASCADE, related_name="pieces", db_index=False)
    number = models.PositiveIntegerField()
    attempt = models.PositiveSmallIntegerField()
    store = models.CharField(max_length=10, blank=True)
    content = models.BinaryField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "export", "attempt", "number"], name="one_piece_per_number"),
        ]

    def __str__(self) -> str:
        return f"piece {self.number} of {self.export_id}"
