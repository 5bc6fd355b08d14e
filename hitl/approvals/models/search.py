"""The searchable text of approvals."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models

from core.tenancy.models import TenantModel
from hitl.approvals.models.approval import Approval

WORDS_OF = "walker_request_words"


class ApprovalText(TenantModel):
    """What people find an approval by, with personal data masked; rewritten with each revision."""

    approval = models.ForeignKey(Approval, on_delete=models.PROTECT, related_name="+", db_index=False)
    masked_text = models.TextField(blank=True)
    # Each word carries the end of its tenant's id: a search reads the words of its own tenant only.
    words = models.GeneratedField(
        expression=models.Func(models.F("tenant_id"), models.F("masked_text"), function=WORDS_OF),
        output_field=SearchVectorField(),
        db_persist=True,
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "approval"], name="one_text_per_approval"),
        ]
        indexes: ClassVar = [
            # A small list of what is new: the statement that fills it moves its words into the index.
            GinIndex(fields=["words"], name="approvals_by_words", fastupdate=True, gin_pending_list_limit=256),
        ]

    def __str__(self) -> str:
        return f"text of {self.approval_id}"
