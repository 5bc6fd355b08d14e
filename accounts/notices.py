"""Notices of people: storing them, one's own list, and marking them as seen.

Neither leaving a notice nor seeing it is audited: notices hold no personal data and decide nothing.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts import push
from accounts.models import Notice
from accounts.selectors import roster
from core import retention
from core.actors import Actor
from core.clock import now as clock_now
from core.db.rows import get_or_missing
from core.events import outbox, streams
from core.notices import NewNotice, NoticeStore
from core.privacy.retention.holds import Held
from core.privacy.retention.registry import RULES, RetentionRule

USE: Final = "accounts.use_notices"
UPDATED: Final = "notices.updated"
MOST_COUNTED: Final = 10
KEPT_SEEN: Final = timedelta(days=90)
KEPT_UNSEEN: Final = timedelta(days=365)


class Store(NoticeStore):
    """Stores notices as rows of their people."""

    def leave(self, *, people: Collection[UUID], notice: NewNotice, moment: datetime) -> None:
        """Store a notice for each person without one of its key; announce new alerts."""
        rows = [
            Notice(
                person_id=person,
                kind=notice.kind,
                title=notice.title,
                body=notice.body,
                link=notice.link,
                level=notice.level,
                dedupe_key=notice.dedupe_key,
                created_at=moment,
            )
            for person in sorted(people)  # one order, so that two writers of a key can't deadlock
        ]
        Notice.objects.bulk_create(rows, ignore_conflicts=True)
        streams.transient_after_commit([stream_of(person) for person in people], UPDATED)
        if push.is_set_up():
            push.queue(notices=rows, moment=moment)
        if notice.level == "alert":
            stored = Notice.objects.filter(pk__in=[row.pk for row in rows]).values_list("pk", flat=True)
            outbox.announce_all(outbox.Announcement("notice_alerted", pk, {}) for pk in stored)

    def settle(self, *, people: Collection[UUID], kind: str, link: str, moment: datetime) -> None:
        """Mark the unseen notices of these people with this kind and link as seen."""
        unseen = Notice.objects.filter(person_id__in=people, kind=kind, link=link, seen_at=None)
        if unseen.update(seen_at=moment):
            streams.transient_after_commit([stream_of(person) for person in people], UPDATED)

    def people_holding(self, permission: str) -> Collection[UUID]:
        """Return the members of the tenant in scope who hold a permission now. One query."""
        return roster().holding(permission).keys()


def stream_of(person_id: UUID) -> str:
    """Return the stream whose listeners hear that a person's notices changed."""
    return f"notices:{person_id}"


@dataclass(frozen=True, slots=True)
class Bell:
    """A person's unseen notices: the newest, and how many up to `MOST_COUNTED`."""

    count: int
    newest: Notice | None

    @property
    def shown(self) -> str:
        """Return the count as the bell shows it: "3", or "9+"."""
        return str(self.count) if self.count < MOST_COUNTED else f"{MOST_COUNTED - 1}+"

    @property
    def number(self) -> int:
        """Return a number that changes with what the bell shows. By it a page finds out that it missed something."""
        moment = self.newest.pk.int >> 80 if self.newest else 0  # milliseconds
        return moment * (MOST_COUNTED + 1) + self.count


def read_bell(*, viewer: Actor) -> Bell:
    """Return the viewer's unseen notices. Needs `accounts.use_notices`. One query."""
    unseen = list(list_own(viewer=viewer).filter(seen_at=None).order_by("-id")[:MOST_COUNTED])
    return Bell(len(unseen), unseen[0] if unseen else None)


def list_own(*, viewer: Actor) -> QuerySet[Notice]:
    """Return the viewer's own notices as a query. Needs `accounts.use_notices`; raises Refused."""
    viewer.require(USE)
    person = viewer.require_person("Only people have notices.")
    return Notice.objects.filter(person_id=person)


@transaction.atomic
def mark_seen(*, actor: Actor, notice_id: UUID, now: datetime | None = None) -> Notice:
    """Mark one of the actor's own notices as seen. Needs `accounts.use_notices`; raises NotFound. Not audited."""
    own = list_own(viewer=actor)
    if own.filter(pk=notice_id, seen_at=None).update(seen_at=now or clock_now()):
        _update_bells(actor)
    return get_or_missing(own.filter(pk=notice_id), "There is no such notice.")


@transaction.atomic
def mark_all_seen(*, actor: Actor, now: datetime | None = None) -> int:
    """Mark all of the actor's notices as seen; return how many. Needs `accounts.use_notices`. Not audited."""
    marked = list_own(viewer=actor).filter(seen_at=None).update(seen_at=now or clock_now())
    if marked:
        _update_bells(actor)
    return marked


def _update_bells(actor: Actor) -> None:
    """Let the actor's other open pages fetch the bell again."""
    if actor.user_id is not None:
        streams.transient_after_commit([stream_of(actor.user_id)], UPDATED)


class Notices(RetentionRule):
    """Deletes notices: seen ones after the days that are chosen, unseen ones after a year."""

    order: ClassVar[int] = 80
    title: ClassVar[str] = "Notices"
    what: ClassVar[str] = "Notices that people have seen go. Those that nobody has seen go after a year."
    tables: ClassVar[str] = "accounts.Notice"
    batch: ClassVar[int] = retention.BATCH

    @classmethod
    def limit(cls) -> int | None:
        """Return for how long seen ones are kept at most."""
        return KEPT_SEEN.days

    @classmethod
    def due(cls, before: datetime, held: Held) -> QuerySet[Notice]:  # noqa: ARG003
        """Return old notices."""
        seen = retention.made_before(before) & Q(seen_at__lt=before)
        return Notice.objects.filter(seen | retention.made_before(min(before, clock_now() - KEPT_UNSEEN)))

    @classmethod
    def remove(cls, keys: Sequence[UUID]) -> int:
        """Delete locked notices."""
        return int(Notice.objects.filter(pk__in=keys).delete()[0])


RULES.register("notices", Notices)
