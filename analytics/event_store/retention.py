"""Let stored events go by their age; months that nobody keeps any more go whole."""

from datetime import datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from analytics.event_store.store import drop_old_partitions
from analytics.models import StoredEvent
from core.clock import now as clock_now
from core.privacy.retention.holds import Held, is_anything_held, lock_holds
from core.privacy.retention.registry import RULES, RetentionRule


class StoredEvents(RetentionRule):
    """Deletes stored events."""

    order: ClassVar[int] = 95
    title: ClassVar[str] = "Stored events"
    what: ClassVar[str] = "Events that replays and exports read go, counted from the day of each. Figures stay."
    tables: ClassVar[str] = "analytics.StoredEvent"
    least: ClassVar[int] = 30
    batch: ClassVar[int] = 2000

    @classmethod
    def limit(cls) -> int | None:
        """Return for how long the installation keeps them."""
        return int(settings.EVENT_DAYS)

    @classmethod
    def due(cls, before: datetime, held: Held) -> QuerySet[StoredEvent]:  # noqa: ARG003
        """Return old events."""
        return StoredEvent.objects.filter(created_at__lt=before)

    @classmethod
    def work(cls, before: datetime, limit: int) -> int:
        """Delete the oldest events: nobody changes one, and their key begins with the time."""
        with transaction.atomic():
            held = lock_holds()
            if held.everything:
                return 0
            old = cls.due(before, held)
            oldest = list(old.order_by("created_at").values_list("created_at", "pk")[:limit])
            if not oldest:
                return 0
            # By time as well, or each batch would look through all that is old.
            batch = old.filter(created_at__lte=oldest[-1][0], pk__in=[key for _, key in oldest])
            return int(batch.delete()[0])


def drop_months(*, now: datetime | None = None) -> None:
    """Drop the months whose time is over, with all that is in them, unless an organisation is held. For the sweep."""
    with transaction.atomic():
        if not is_anything_held():
            drop_old_partitions((now or clock_now()) - timedelta(days=settings.EVENT_DAYS))


RULES.register("events", StoredEvents)
