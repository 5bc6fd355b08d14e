"""What narrows the lists of knowledge: collections, and whether answers use a document or a question is open."""

from collections.abc import Iterable
from typing import Any, Final

from django.db.models import Q, QuerySet
from django.http import HttpRequest

from agents.knowledge import selectors
from agents.models import OpenQuestion
from console.base.lists import SelectFilter
from console.viewers import viewer_of

MOST: Final = 200
"""Collections that are offered, by their names."""


class CollectionFilter(SelectFilter):
    """The documents of a collection."""

    title, parameter_name, field, any_label = "Collection", "collection", "collection_id", "All collections"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """Return the collections, and note who gets answers from each."""
        rows = selectors.list_collections(viewer=viewer_of(request), limit=MOST)
        self.notes = {str(row.pk): row.get_audience_display() for row in rows}
        return [(str(row.pk), row.name) for row in rows]


class StandingFilter(SelectFilter):
    """Whether answers use a document."""

    title, parameter_name, field = "State", "state", "state"
    options = (
        ("ready", "Ready"),
        ("reading", "Being read"),
        ("failed", "Failed"),
        ("doubted", "May be outdated"),
        ("other_day", "Not valid today"),
        ("gone", "No longer on the website"),
    )

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep what is in a state, what a newer document says otherwise, or what isn't valid today."""
        today = selectors.today()
        conditions = {
            "doubted": ~Q(outdated={}) & ~Q(outdated__has_key="kept"),
            "other_day": Q(valid_from__gt=today) | Q(valid_until__lt=today),
        }
        chosen = self.chosen()
        return queryset.filter(conditions[chosen]) if chosen in conditions else super().queryset(request, queryset)


class QuestionStateFilter(SelectFilter):
    """Open questions, unless another state is chosen."""

    title, parameter_name, field, options = "State", "state", "state", tuple(OpenQuestion.State.choices)

    def chosen(self) -> str:
        """Return the state that is shown."""
        return super().chosen() or str(OpenQuestion.State.OPEN)
