"""Where an organisation's audit log goes, and how far it has got there."""

from typing import ClassVar

from django.db import models

from core.privacy.encrypted_fields import EncryptedTextField
from core.reliability.lease import Leased
from core.tenancy.models import Dated, TenantModel

NAME_LIMIT = 80


class AuditDestination(Leased, Dated, TenantModel):
    """A security system that gets the audit log. The log is the queue: what follows `sent_seq` is still to be sent.

    The lease of a destination that no worker has ends when it is tried again.
    """

    class Kind(models.TextChoices):
        """How entries are sent, and by which name of its scheme the token."""

        SYSLOG = "syslog", "Syslog over TLS"
        HTTPS = "https", "JSON lines by HTTPS"
        SPLUNK = "splunk", "Splunk HTTP Event Collector"

    name = models.CharField(max_length=NAME_LIMIT)
    kind = models.CharField(max_length=6, choices=Kind)
    address = EncryptedTextField()
    token = EncryptedTextField(blank=True, default="")
    authority = models.TextField(blank=True, default="", help_text="The only CA that its certificate may be from.")
    sent_seq = models.BigIntegerField(default=0, help_text="The number of the last entry that it has.")
    sent_hash = models.CharField(max_length=64, blank=True, default="", help_text="The hash of that entry.")
    sent_at = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0, help_text="In a row.")
    failing_since = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=60, blank=True, default="")
    paused_at = models.DateTimeField(null=True, help_text="Set while a person keeps entries from being sent.")
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "name"], name="one_audit_destination_per_name"),
        ]

    def __str__(self) -> str:
        return self.name
