"""Numbers for badges and charts; capped, so that they cost the same in a large tenant."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Count, F, Q, QuerySet, Value
from django.db.models.functions import TruncDate

from conversations.inbox.teams.seen import require_view, seen_by, seen_conversations
from conversations.models import WAITS_FOR_PERSON, Conversation, Message
from core.actors import Actor
from core.clock import now as clock_now

COUNT_CAP: Final = 100
VIEW_CAP: Final = 51
UNREAD_CAP: Final = 500
PERSON: Final = Conversation.State.PERSON
VIEW: Final = "conversations.view_conversation"


@dataclass(frozen=True, slots=True)
class DayCount:
    """The counts of one day in the given time zone."""

    day: date
    conversations: int
    messages: int


def count_needing_person(*, viewer: Actor) -> int:
    """Return how many wait for a person, at most `COUNT_CAP`.

    Needs the right to view them.
    """
    require_view(viewer)
    return _capped(seen_conversations(viewer).filter(WAITS_FOR_PERSON))


def is_mine(viewer: Actor) -> Q:
    """Return the condition of open conversations that are assigned to a viewer and not snoozed."""
    return Q(state=PERSON, assigned_to=viewer.user_id, snoozed_until=None)


def count_views(*, viewer: Actor) -> Counter[str]:
    """Count conversations that are "mine", "waiting" and "late", each up to 51. Needs the right to view them.

    One query.
    """
    require_view(viewer)
    wanted = {"mine": is_mine(viewer), "waiting": WAITS_FOR_PERSON, "late": is_late()}
    return _count_each(seen_conversations(viewer), wanted, VIEW_CAP)


def _count_each(rows: QuerySet[Conversation], wanted: Mapping[str, Q], cap: int) -> Counter[str]:
    """Count the rows that meet each condition, each up to a cap. One query."""
    first, *others = [
        rows.filter(condition).order_by().annotate(name=Value(name)).values_list("name")[:cap]
        for name, condition in wanted.items()
    ]
    return Counter(name for (name,) in first.union(*others, all=True))


def count_unread(*, viewer: Actor, rows: Iterable[Conversation]) -> Counter[UUID]:
    """Count the messages that customers wrote in conversations since staff looked, by conversation.

    At most `UNREAD_CAP` in all. Needs the right to view them. One query.
    """
    require_view(viewer)
    ids = [row.pk for row in rows]
    new = Q(conversation__staff_seen_at=None) | Q(created_at__gt=F("conversation__staff_seen_at"))
    written = Message.objects.filter(seen_by(viewer, "conversation__"), new, conversation_id__in=ids, direction="in")
    return Counter(written.order_by().values_list("conversation_id", flat=True)[:UNREAD_CAP])


def is_late() -> Q:
    """Return the condition of conversations whose answer is overdue."""
    return Q(state=PERSON, next_due_at__lte=clock_now())


def due_today(zone: tzinfo) -> Q:
    """Return the condition of conversations whose answer is due later today, in a time zone."""
    moment = clock_now()
    here = moment.astimezone(zone)
    end = datetime.combine(here.date() + timedelta(days=1), time.min, tzinfo=here.tzinfo)
    return Q(state=PERSON, next_due_at__gt=moment, next_due_at__lt=end)


def count_of_day(*, viewer: Actor, zone: tzinfo) -> Counter[str]:
    """Count the viewer's conversations that are "mine", "late" and "due_today" there, each up to `COUNT_CAP`.

    Needs the right to view them. One query.
    """
    require_view(viewer)
    wanted = {"mine": is_mine(viewer), "late": is_late(), "due_today": due_today(zone)}
    return _count_each(seen_conversations(viewer).filter(assigned_to=viewer.user_id), wanted, COUNT_CAP)


def list_mine(*, viewer: Actor, limit: int) -> list[Conversation]:
    """Return what the inbox shows as the viewer's, the first due first. Needs the right to view them. One query."""
    require_view(viewer)
    rows = seen_conversations(viewer).filter(is_mine(viewer))
    rows = rows.select_related("contact__user", "origin__user", "channel_account")
    rows = rows.defer("contact__display_name", "origin__display_name", "channel_account__credentials")
    return list(rows.order_by(F("next_due_at").asc(nulls_last=True), "-last_message_at", "-pk")[:limit])


def _capped(rows: QuerySet[Conversation]) -> int:
    return rows.order_by()[:COUNT_CAP].count()


def count_by_day(*, viewer: Actor, days: int = 14, zone: str = "UTC", now: datetime | None = None) -> list[DayCount]:
    """Count conversations opened and messages of each of the last days, oldest first.

    No day is left out. Needs `conversations.view_conversation`. Two queries.
    """
    require_view(viewer)
    here = ZoneInfo(zone)
    today = (now or clock_now()).astimezone(here).date()
    first = today - timedelta(days=days - 1)
    since = datetime.combine(first, time.min, tzinfo=here)
    opened = _by_day(seen_conversations(viewer).filter(created_at__gte=since), here)
    written = _by_day(Message.objects.filter(seen_by(viewer, "conversation__"), created_at__gte=since), here)
    wanted = [first + timedelta(days=offset) for offset in range(days)]
    return [DayCount(day, opened.get(day, 0), written.get(day, 0)) for day in wanted]


def _by_day(rows: QuerySet[Conversation] | QuerySet[Message], here: ZoneInfo) -> dict[date, int]:
    days = rows.order_by().annotate(day=TruncDate("created_at", tzinfo=here)).values("day")
    return {row["day"]: row["number"] for row in days.annotate(number=Count("*"))}
