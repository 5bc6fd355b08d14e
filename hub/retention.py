"""Let payments that customers were asked to confirm go by their age."""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet

from core.privacy.retention.holds import Held
from core.privacy.retention.registry import RULES, RetentionRule
from core.retention import made_before
from hitl.domain.state_machine import OPEN
from hitl.models import Approval
from hub.models import TransactionDraft


class Payments(RetentionRule):
    """Deletes drafts of payments, booked ones too: the back office has these."""

    order: ClassVar[int] = 50
    title: ClassVar[str] = "Payments to confirm"
    what: ClassVar[str] = (
        "What customers were asked to confirm goes, once its request is final. The request and what was booked stay."
    )
    tables: ClassVar[str] = "hub.TransactionDraft"
    least: ClassVar[int] = 30

    @classmethod
    def limit(cls) -> int | None:
        """Return for how long the installation keeps them."""
        return int(settings.TRANSACTION_DRAFTS_DAYS)

    @classmethod
    def due(cls, before: datetime, held: Held) -> QuerySet[TransactionDraft]:
        """Return old drafts; one that is still to be decided, booked or looked for at the back office stays."""
        is_open = Exists(Approval.objects.filter(pk=OuterRef("approval_id"), state__in=OPEN))
        rows = TransactionDraft.objects.filter(~is_open, made_before(before))
        return rows.exclude(conversation_id__in=held.conversations)

    @classmethod
    def remove(cls, keys: Sequence[UUID]) -> int:
        """Delete locked drafts."""
        return int(TransactionDraft.objects.filter(pk__in=keys).delete()[0])


RULES.register("payments", Payments)
