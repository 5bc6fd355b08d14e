"""Merges of contacts: what moved, so that it can be undone."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from conversations.contacts.models import Contact
from core.clock import now
from core.privacy.encrypted_fields import EncryptedTextField
from core.tenancy.models import TenantModel


class ContactMerge(TenantModel):
    """Two contacts are the same person: one of them got the addresses and conversations of the other."""

    contact = models.ForeignKey(Contact, on_delete=models.PROTECT, related_name="merges")
    merged = models.ForeignKey(Contact, on_delete=models.PROTECT, related_name="+")
    reason = EncryptedTextField()
    masked_reason = models.TextField()
    moved = models.JSONField(default=dict, help_text="The ids of what moved, by kind.")
    merged_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    merged_at = models.DateTimeField(default=now)
    undone_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    undone_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "merged"], name="one_merge_per_contact", condition=Q(undone_at=None)
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["tenant_id", "contact", "-id"], name="merges_by_contact")]
