"""The export of events: what happened, as the store keeps it: ids, states, numbers and codes."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.db.models import QuerySet

from analytics.exports.sources import SOURCES, Choice, Column, TableSource, columns_of
from analytics.models import StoredEvent
from conversations.selectors import VIEW_FIGURES
from core import catalogue
from core.actors import Actor


class EventSource(TableSource):
    """Events that happened in the span. They are those of all teams, so that leads of teams can't read them."""

    label: ClassVar[str] = "Events"
    permission: ClassVar[str] = VIEW_FIGURES
    columns: ClassVar[tuple[Column, ...]] = columns_of(
        "id created_at:moment type version:whole stream seq:whole payload"
    )

    @classmethod
    def choices(cls) -> list[Choice]:
        return [Choice("type", "Type", [(each.name, each.name) for each in catalogue.list_published()])]

    @classmethod
    def rows(cls, *, viewer: Actor, filters: Mapping[str, str]) -> QuerySet[StoredEvent]:
        cls.require(viewer)
        return StoredEvent.objects.filter(**filters)

    @classmethod
    def lines(cls, rows: Sequence[StoredEvent], *, in_clear: bool) -> list[dict[str, Any]]:  # noqa: ARG003  (no customers)
        """Return the columns. No query."""
        names = [column.name for column in cls.columns]
        return [
            {
                **{name: getattr(row, name) for name in names},
                "id": str(row.pk),
                "payload": json.dumps(row.payload, sort_keys=True),
            }
            for row in rows
        ]


SOURCES.register("events", EventSource)
