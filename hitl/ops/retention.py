"""Let the content of final requests go by its age; how each was decided stays."""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from core.actors import system
from core.audit import chain
from core.models import RetentionChoice
from core.privacy.erasure.person import GONE
from core.privacy.retention.holds import Held
from core.privacy.retention.registry import RULES, RetentionRule
from hitl.models import Approval, ApprovalNote, ApprovalText, Execution, OverrideReview, Revision
from hitl.ops.erasure import BLANK, FINALS

KEY: Final = "requests"
"""A trigger of the database knows it."""
EMPTIED: Final = "retention.approvals_emptied"


class FinalRequests(RetentionRule):
    """Empties final requests as an erasure does; `verify_approvals` finds in the audit log which ones."""

    order: ClassVar[int] = 30
    title: ClassVar[str] = "Final requests"
    what: ClassVar[str] = (
        "What was requested, its notes, changes and results go, counted from the last step of the request. That it "
        "was requested, the risk, the cost, who decided and why stay."
    )
    tables: ClassVar[str] = "hitl.Approval hitl.ApprovalText hitl.ApprovalNote hitl.Revision hitl.Execution"
    least: ClassVar[int] = 90
    by: ClassVar[str] = "moved_at"
    batch: ClassVar[int] = 100

    @classmethod
    def due(cls, before: datetime, held: Held) -> QuerySet[Approval]:
        """Return final requests that still have their content; one that a review has to look at keeps it."""
        unread = OverrideReview.objects.filter(approval=OuterRef("pk"), closed_at=None)
        rows = Approval.objects.filter(state__in=FINALS, moved_at__lt=before).exclude(payload=GONE)
        return rows.exclude(conversation_id__in=held.conversations).filter(~Exists(unread))

    @classmethod
    def remove(cls, keys: Sequence[UUID]) -> int:
        """Empty locked requests. Writes `retention.approvals_emptied` with their ids."""
        emptied = Approval.objects.filter(pk__in=keys).update(**BLANK)
        # The database lets changes of a request be emptied once the request is.
        Revision.objects.filter(approval_id__in=keys).exclude(diff=[]).update(diff=[])
        ApprovalText.objects.filter(approval_id__in=keys).update(masked_text="")
        ApprovalNote.objects.filter(approval_id__in=keys).exclude(masked_body="").update(body="", masked_body="")
        Execution.objects.filter(approval_id__in=keys).exclude(result={}, error="").update(result=GONE, error="")
        choice = RetentionChoice.objects.get(kind=KEY)
        chain.note(system("retention"), EMPTIED, choice, approvals=[str(key) for key in keys])
        return emptied


RULES.register(KEY, FinalRequests)
