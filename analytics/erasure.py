"""What daily briefs keep of people: what stood in them, and how a member wanted his."""

from __future__ import annotations

from typing import ClassVar

from analytics.models import Brief, BriefPreference
from analytics.services.making import LEASE
from core.clock import now
from core.erasure.person import Person
from core.erasure.registry import HANDLERS, Batch, ErasureHandler, Step, Table, window


def _briefs(person: Person, after: str, limit: int) -> Batch:
    rows, last = window(Brief.objects.filter(content__isnull=False), after, limit)
    users = set(person.ids("users"))
    found = [row.pk for row in rows if row.user_id in users or person.is_meant_in(row.content)]
    return Batch(Brief.objects.filter(pk__in=found).update(content=None) if found else 0, last)


class BriefsErasure(ErasureHandler):
    """The part of briefs."""

    order: ClassVar[int] = 50
    tables: ClassVar[tuple[Table, ...]] = (
        Table("analytics.Brief", "A code, and the day.", "content", "reason local_date"),
        Table("analytics.BriefPreference", "Rows of a member are removed.", "zone sections at"),
    )  # fmt: skip
    steps: ClassVar[tuple[Step, ...]] = (Step("briefs", "Daily briefs", _briefs),)

    @classmethod
    def in_the_way(cls, person: Person) -> list[str]:
        """A brief that was begun before this round may still quote the person; a younger one finds nothing of him."""
        since = person.erasure.round_at or now()
        begun = Brief.objects.filter(state=Brief.State.WORKING, lease_until__lt=since + LEASE)
        return ["brief_in_the_making"] if begun.exists() else []

    @classmethod
    def detach(cls, person: Person) -> None:
        """Write the member no more briefs."""
        users = person.ids("users")
        BriefPreference.objects.filter(user_id__in=users).delete()
        waiting = Brief.objects.filter(user_id__in=users, state=Brief.State.QUEUED)
        waiting.update(state=Brief.State.SKIPPED, reason="erased", lease_until=None)


HANDLERS.register("analytics", BriefsErasure)
