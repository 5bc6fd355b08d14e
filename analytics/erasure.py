"""Erasing a person from daily briefs and dashboards: content, names, and the member's settings."""

from typing import ClassVar, Final

from analytics.models import Brief, BriefPreference, FigureDashboard
from analytics.services.briefs import LEASE
from core.clock import now
from core.privacy.erasure.disclosure import each_once, owned, saying
from core.privacy.erasure.person import Person
from core.privacy.erasure.registry import HANDLERS, Batch, ErasureHandler, Reading, Step, Table, every, window


def _briefs(person: Person, after: str, limit: int) -> Batch:
    rows, last = window(Brief.objects.filter(content__isnull=False), after, limit)
    keys = [row.pk for row in rows if _mentions(person, row)]
    return Batch(Brief.objects.filter(pk__in=keys).update(content=None) if keys else 0, last)


def _mentions(person: Person, brief: Brief) -> bool:
    return brief.user_id in person.ids("users") or person.is_meant_in(brief.content)


def _dashboards(person: Person, after: str, limit: int) -> Batch:
    own = FigureDashboard.objects.filter(owner_id__in=person.ids("users"))
    rows, last = window(FigureDashboard.objects.all(), after, limit)
    keys = [row.pk for row in rows if person.is_meant_in(row.name)]
    return Batch(own.delete()[0] + FigureDashboard.objects.filter(pk__in=keys).delete()[0], last)


READINGS: Final = (
    Reading(
        model="analytics.Brief", title="Daily briefs to you, or with an address of yours",
        shown="local_date kind state sent_at opened_at clicked_at", masked="content",
        rows=each_once(owned(Brief, user="users"), saying(Brief, "content")),
    ),
    Reading(
        model="analytics.BriefPreference", title="Which briefs you asked for", shown="is_on zone sections at language",
        rows=owned(BriefPreference, user="users"),
    ),
    Reading(
        model="analytics.FigureDashboard", title="Your dashboards", shown="name cards days is_shared created_at",
        rows=owned(FigureDashboard, owner="users"),
    ),
)  # fmt: skip


class BriefsErasure(ErasureHandler):
    """Erases what daily briefs keep about a person."""

    order: ClassVar[int] = 50
    purpose: ClassVar[str] = "To tell colleagues how the work goes."
    readings: ClassVar[tuple[Reading, ...]] = READINGS
    tables: ClassVar[tuple[Table, ...]] = (
        Table("analytics.Brief", "A code, and the day.", "content", "reason local_date"),
        Table("analytics.FigureDay", "Counts by id and code.", kept="metric value currency day"),
        Table("analytics.FigureHour", "Counts by id and code.", kept="metric value currency"),
        Table("analytics.GaugeSample", "Measurements of the installation, by code.", kept="name"),
        Table("analytics.StoredEvent", "Ids, states, numbers and codes.", kept="type stream payload about"),
        Table("analytics.BriefPreference", "Rows of a member are removed.", "zone sections at"),
        Table("analytics.FigureDashboard", "Rows are removed, also colleagues' that name the person.", "name", "cards"),
    )  # fmt: skip
    steps: ClassVar[tuple[Step, ...]] = (
        Step("briefs", "Daily briefs", _briefs),
        Step("dashboards", "Dashboards", _dashboards),
    )

    @classmethod
    def in_the_way(cls, person: Person) -> list[str]:
        """Return whether a brief started before this round is in progress: it may still quote the person."""
        since = person.erasure.round_at or now()
        started = Brief.objects.filter(state=Brief.State.WORKING, lease_until__lt=since + LEASE)
        return ["brief_in_the_making"] if started.exists() else []

    @classmethod
    def came_late(cls, person: Person) -> bool:
        """Check briefs sent meanwhile: one started earlier may have been sent after the step."""
        sent = Brief.objects.filter(content__isnull=False, sent_at__gte=person.erasure.asked_at - LEASE)
        return any(_mentions(person, brief) for brief in every(sent))

    @classmethod
    def detach(cls, person: Person) -> None:
        """Stop sending briefs to the member."""
        users = person.ids("users")
        BriefPreference.objects.filter(user_id__in=users).delete()
        waiting = Brief.objects.filter(user_id__in=users, state=Brief.State.QUEUED)
        waiting.update(state=Brief.State.SKIPPED, reason="erased", lease_until=None)


HANDLERS.register("analytics", BriefsErasure)
