"""Read what customers said about their conversations, masked."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db.models import Count, QuerySet

from conversations.inbox.teams.seen import require_view, seen_by
from conversations.inbox.teams.selectors import require_figures
from conversations.models import Survey
from core.actors import Actor
from core.clock import now as clock_now
from core.db.rows import get_or_missing

VIEW: Final = "conversations.view_conversation"
LATELY: Final = timedelta(days=30)
MARKS: Final = (5, 4, 3, 2, 1)


@dataclass(frozen=True, slots=True)
class Marks:
    """How many customers were asked in a time, and how many gave each mark."""

    asked: int
    counts: dict[int, int]

    @property
    def answered(self) -> int:
        """Return how many answered."""
        return sum(self.counts.values())

    @property
    def average(self) -> float | None:
        return sum(mark * count for mark, count in self.counts.items()) / self.answered if self.answered else None


def query_surveys(*, viewer: Actor) -> QuerySet[Survey]:
    """Return the answered surveys without clear comments. Needs `conversations.view_conversation`."""
    require_view(viewer)
    return Survey.objects.filter(seen_by(viewer, "conversation__"), answered_at__isnull=False).defer("comment")


def get_survey(*, viewer: Actor, survey_id: UUID) -> Survey:
    """Return an answered survey, masked. Needs `conversations.view_conversation`; raises `NotFound`."""
    return get_or_missing(query_surveys(viewer=viewer).filter(pk=survey_id), "There is no such rating.")


def survey_of(*, viewer: Actor, conversation_id: UUID) -> Survey | None:
    """Return the survey of a conversation, answered or not, with its comment; None where none is planned. One query.

    Needs `conversations.view_conversation`. Who shows the clear comment asks for an open reveal of the messages.
    """
    require_view(viewer)
    rows = Survey.objects.filter(seen_by(viewer, "conversation__"), conversation_id=conversation_id)
    return rows.first()


def marks_of(*, viewer: Actor) -> Marks:
    """Return the marks of customers who were asked in the last thirty days.

    Of all teams with `analytics.view_figures`, of their own for leads; raises `Refused` for others. At most three
    queries.
    """
    scope = require_figures(viewer=viewer)
    rows = scope.narrow(Survey.objects.filter(asked_at__gte=clock_now() - LATELY))
    found = dict(rows.filter(rating__isnull=False).order_by().values_list("rating").annotate(Count("pk")))
    return Marks(rows.count(), {mark: found.get(mark, 0) for mark in MARKS})
