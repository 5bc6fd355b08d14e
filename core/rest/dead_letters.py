"""Endpoints of failed jobs."""

from typing import Any, ClassVar

from django_filters import ChoiceFilter
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from core.jobs import dead_letters
from core.models import DeadLetter
from core.rest.fields import RowSerializer
from core.rest.filters import AfterFilter, ApiFilterSet, BeforeFilter
from core.rest.idempotency import idempotent
from core.rest.pagination import SortedPagination
from core.rest.views import ListViewSet

REPLAY = "core.replay_deadletter"


class LetterFilters(ApiFilterSet):
    """The filters of failed jobs."""

    state = ChoiceFilter(
        choices=[(value, value) for value in DeadLetter.State.values], initial=DeadLetter.State.PARKED.value
    )
    parked_after = AfterFilter("parked_at")
    parked_before = BeforeFilter("parked_at")


class LetterSerializer(RowSerializer[DeadLetter]):
    """A failed job."""

    class Meta:
        model = DeadLetter
        fields: ClassVar[list[str]] = "id kind ref error times state parked_at closed_at".split()


class DeadLetterViewSet(ListViewSet):
    """Failed jobs."""

    descriptions: ClassVar = {"list": "List failed jobs, newest first."}
    permissions: ClassVar = {"list": "core.view_deadletter", "replay": REPLAY, "discard": REPLAY}
    serializer_class = LetterSerializer
    filterset_class = LetterFilters
    pagination_class = SortedPagination
    dated: ClassVar = {"parked": "parked_at"}
    lookup_url_kwarg = "letter_id"
    list_rows = staticmethod(dead_letters.query_dead_letters)

    @action(detail=True, methods=["post"])
    @idempotent
    def replay(self, request: Request, **kwargs: Any) -> Response:
        """Retry a failed job; nothing happens twice. 409 if it is closed."""
        return self.respond(dead_letters.replay(actor=self.actor, dead_letter_id=self.kwargs["letter_id"]))

    @action(detail=True, methods=["post"])
    @idempotent
    def discard(self, request: Request, **kwargs: Any) -> Response:
        """Discard a failed job. 409 if it is closed."""
        return self.respond(dead_letters.discard(actor=self.actor, dead_letter_id=self.kwargs["letter_id"]))
