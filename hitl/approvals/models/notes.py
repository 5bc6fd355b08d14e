"""Notes of colleagues on an approval."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from core.clock import now
from core.privacy.encrypted_fields import EncryptedTextField
from core.tenancy.models import TenantModel
from hitl.approvals.models.approval import Approval


class ApprovalNote(TenantModel):
    """A note for colleagues about a request; agents and customers never see it.

    It decides nothing and is no evidence. A trigger lets nobody change or remove it: the text can only be encrypted
    again and, for an erasure, emptied.
    """

    approval = models.ForeignKey(Approval, on_delete=models.PROTECT, related_name="colleagues_notes", db_index=False)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    body = EncryptedTextField()
    masked_body = models.TextField(blank=True)
    mentions = ArrayField(models.UUIDField(), default=list, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["tenant_id", "approval", "-id"], name="approval_notes_newest")]

    def __str__(self) -> str:
        return f"note {str(self.id)[-6:]}"
