"""What daily briefs keep of people: what stood in them, and how a member wanted his."""

from __future__ import annotations

from typing import ClassVar

from django.db.models import QuerySet

from analytics.models import Brief, BriefPreference
from analytics.services.briefs import LEASE
from core.clock import now
from core.privacy.erasure.person import Person
from core.privacy.erasure.registry import HANDLERS, Batch, ErasureHandler, Step, Table, every, window


def _briefs(person: Person, after: str, limit: int) -> Batch:
    rows, last = window(_written(), after, limit)
    found = [row.pk for row in rows if _tells(person, row)]
    return Batch(Brief.objects.filter(pk__in=found).update(content=None) if found else 0, last)


def _written() -> QuerySet[Brief]:
    rows: QuerySet[Brief] = Brief.objects.filter(content__isnull=False)
    return rows


def _tells(person: Person, brief: Brief) -> bool:
    return brief.user_id in person.ids("users") or person.is_meant_in(brief.content)


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
    def came_late(cls, person: Person) -> bool:
        """Look once more at the briefs sent meanwhile: one that was begun earlier may have come after the step."""
        sent = _written().filter(sent_at__gte=person.erasure.asked_at - LEASE)
        return any(_tells(person, brief) for brief in every(sent))

    @classmethod
    def detach(cls, person: Person) -> None:
        """Write the member no more briefs."""
        users = person.ids("users")
        BriefPreference.objects.filter(user_id__in=users).delete()
        waiting = Brief.objects.filter(user_id__in=users, state=Brief.State.QUEUED)
        waiting.update(state=Brief.State.SKIPPED, reason="erased", lease_until=None)


HANDLERS.register("analytics", BriefsErasure)
