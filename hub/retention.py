"""Let payments that customers were asked to confirm go by their age."""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from core.privacy.retention.holds import Held
from core.privacy.retention.registry import RULES, RetentionRule
from core.retention import made_before
from hub.models import TransactionDraft


class Payments(RetentionRule):
    """Deletes drafts of payments, booked ones too: the back office has these."""

    order: ClassVar[int] = 50
    title: ClassVar[str] = "Payments to confirm"
    what: ClassVar[str] = "What customers were asked to confirm goes. The request and what was booked stay."
    tables: ClassVar[str] = "hub.TransactionDraft"
    least: ClassVar[int] = 30

    @classmethod
    def limit(cls) -> int | None:
        """Return for how long the installation keeps them."""
        return int(settings.TRANSACTION_DRAFTS_DAYS)

    @classmethod
    def due(cls, before: datetime, held: Held) -> QuerySet[TransactionDraft]:
        """Return old drafts."""
        rows = TransactionDraft.objects.filter(made_before(before))
        return rows.exclude(conversation_id__in=held.conversations)

    @classmethod
    def remove(cls, keys: Sequence[UUID]) -> int:
        """Delete locked drafts."""
        return int(TransactionDraft.objects.filter(pk__in=keys).delete()[0])


RULES.register("payments", Payments)
