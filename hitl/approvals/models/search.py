"""The text by which people find a request, with personal data masked."""

from typing import ClassVar, Final

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models

from core.tenancy.models import TenantModel
from hitl.approvals.models.approval import Approval

WORDS_OF = "walker_request_words"
LONGEST: Final = 1000
LONGEST_NAME: Final = 120
_NAMING: Final = ("name", "title", "slug", "_id")


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


def text_of(approval: Approval) -> str:
    """Return what a request is found by: its summary, the names of what it touches, and its tags.

    Each part is masked as pages mask it, for everyone: nobody finds a request by a phone number in it.
    """
    facts = [(key, value) for key, value in approval.facts.items() if isinstance(value, str)]
    names = [value[:LONGEST_NAME] for key, value in facts if key.endswith(_NAMING)]
    parts = dict.fromkeys((approval.summary, approval.subject_key.partition(":")[2], *names, *approval.tags))
    return "\n".join(approval.masked(part) for part in parts if part)[:LONGEST]
