"""The text by which people find a request, with personal data masked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from core.privacy.pii import mask_text
from hitl.models import Approval, ApprovalText

LONGEST: Final = 1000
LONGEST_NAME: Final = 120
_NAMING: Final = ("name", "title", "slug", "_id")


def store_text(approval: Approval) -> None:
    """Store the searchable text of a request, or replace that of its last revision."""
    text = text_of(approval)
    is_new = approval.revision == 1 and approval.version == 1
    if is_new or not ApprovalText.objects.filter(approval=approval).update(masked_text=text):
        ApprovalText(approval=approval, masked_text=text).save(force_insert=True)


def text_of(approval: Approval) -> str:
    """Return what a request is found by: its summary, the names of what it touches, and its tags.

    Each part is masked as pages mask it, for everyone: nobody finds a request by a phone number in it.
    """
    parts = dict.fromkeys(
        (approval.summary, approval.subject_key.partition(":")[2], *_names(approval.facts), *approval.tags)
    )
    return "\n".join(mask_text(part) for part in parts if part)[:LONGEST]


def _names(facts: Mapping[str, Any]) -> Iterator[str]:
    for key, value in facts.items():
        if key.endswith(_NAMING) and isinstance(value, str):
            yield value[:LONGEST_NAME]
