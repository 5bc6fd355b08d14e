"""The organisation's Langflow server, and the sessions that it keeps of our conversations."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from core.clock import now
from core.privacy.encrypted_fields import EncryptedTextField
from core.tenancy.models import TenantModel


class FlowServer(TenantModel):
    """A Langflow server: its address and sealed key.

    One that was disconnected stays, with its key, until it has erased every session that it keeps.
    """

    base_url = models.CharField(max_length=300)
    key = EncryptedTextField(null=True)
    is_active = models.BooleanField(default=True)
    editors = ArrayField(models.UUIDField(), default=list, help_text="Who entered its address or key.")
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id"], name="one_flow_server", condition=Q(is_active=True)),
        ]


class FlowSession(TenantModel):
    """What a server keeps of one conversation with one version of an agent; deleted once it has erased it."""

    server = models.ForeignKey(FlowServer, on_delete=models.PROTECT, related_name="sessions")
    # No foreign key: the row outlives a conversation until the server confirms.
    conversation_id = models.UUIDField()
    name = models.CharField(max_length=80)
    erase_at = models.DateTimeField(null=True, help_text="When it is erased, or tried again.")
    attempts = models.PositiveIntegerField(default=0)
    code = models.CharField(max_length=40, blank=True, help_text="Why the last attempt failed.")
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "server", "name"], name="one_flow_session_per_name"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "conversation_id"], name="flow_sessions_of_conversation"),
            models.Index(fields=["erase_at"], name="flow_sessions_to_erase", condition=Q(erase_at__isnull=False)),
        ]
