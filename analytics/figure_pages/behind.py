"""The rows behind a figure: the stored events of its days, read by the rule that counted them.

So number and list cannot mean different things: same days, same zone, same condition.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from django.urls import reverse

from accounts.selectors import tenant_zone
from analytics.event_store import store
from analytics.figure_pages.labels import names_of_values
from analytics.figures import selectors
from analytics.figures.counts import LONGEST, Fact
from analytics.figures.events import SOURCES, facts_of
from analytics.figures.metrics import METRICS, Unit
from analytics.figures.spans import Span, bounds_of
from analytics.models import StoredEvent
from console.base import units
from console.base.lists import uuid_of, whole_number
from conversations.selectors import VIEW, query_conversations
from core.actors import Actor

PAGE: Final = 50
LOOKED_AT: Final = 2_000
"""How many events one page looks through."""
_MARK: Final = "~"
_RUN: Final = ("agents_agentrun", "agents.view_agentrun")
_REQUEST: Final = ("hitl_approval", "hitl.view_approval")
_CONVERSATION: Final = ("conversations_conversation", VIEW)
_TITLES: Final = {"team": "Team", "agent": "Agent", "person": "Person", "channel": "Channel"}
_AMOUNTS: Final = {
    Unit.SECONDS: "Time",
    Unit.MONEY: "Amount",
    Unit.TOKENS: "Tokens",
    Unit.LEVEL: "Level",
    Unit.MARK: "Rating",
}
UNITS: Final[dict[Unit, units.Unit]] = {
    Unit.COUNT: "count",
    Unit.TOKENS: "count",
    Unit.SECONDS: "seconds",
    Unit.MONEY: "money",
    Unit.LEVEL: "level",
    Unit.MARK: "mark",
}


class Place(NamedTuple):
    """Where a page goes on, written into its address: after which event, and how many rows came before."""

    at: datetime
    key: UUID
    seen: int

    def __str__(self) -> str:
        return f"{self.at.isoformat()}{_MARK}{self.key}{_MARK}{self.seen}"

    @classmethod
    def of(cls, text: str) -> "Place | None":
        """Return the place that a text names; None, which is the beginning, for anything that is not ours."""
        at, _, rest = text.partition(_MARK)
        key, _, seen = rest.partition(_MARK)
        found, count = uuid_of(key), whole_number(seen)
        try:
            moment = datetime.fromisoformat(at)
        except ValueError:
            return None
        if found is None or count is None or moment.tzinfo is None:
            return None
        return cls(moment, found, count)


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that was counted: when, what with its page ("" for none), and each column with what it says."""

    at: datetime
    what: str
    url: str
    pairs: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Behind:
    """A page of rows; `counted` is the figure's number of them, `following` gets the next page ("" at the end).

    `missing` is how many of them are not stored any more, known at the end.
    """

    columns: list[str]
    rows: list[Row]
    counted: int
    following: str
    missing: int = 0


def list_behind(metric: str, span: Span, dimension: str = selectors.TOTAL, value: str = "") -> str:
    """Return the address of the rows behind a figure."""
    found = {"figure": metric, "span": "own", "first": span.first.isoformat(), "last": span.last.isoformat()}
    if dimension != selectors.TOTAL:
        found["by"] = f"{dimension}:{value}"
    return f"{reverse('admin:figures_rows')}?{urlencode(found)}"


def read_behind(*, viewer: Actor, metric: str, span: Span, dimension: str, value: str, after: str = "") -> Behind:
    """Return the rows that a figure counted, newest first. At most 18 queries.

    Needs `analytics.view_figures`, or to lead the team that it is narrowed to. Raises `Refused`, `NotFound`, `Invalid`.
    """
    narrowed = {"dimension": dimension, "value": value}
    counted = selectors.read_totals(viewer=viewer, metrics=[metric], span=span, **narrowed)[metric].now.n
    place = Place.of(after)
    seen = place.seen if place else 0
    found: list[tuple[StoredEvent, Fact]] = []
    last: StoredEvent | None = None
    begin, end = bounds_of(span, tenant_zone())
    parts = [store.read_back(kind, begin, end, before=place and place[:2]) for kind in SOURCES[metric]]
    newest = merge(*parts, key=lambda event: (event.created_at, event.pk), reverse=True)
    for looked, event in enumerate(newest, start=1):
        last = event
        facts = [fact for fact in facts_of([event]) if fact.metric == metric]
        found += [
            (event, fact)
            for fact in facts
            if (fact.in_total if dimension == selectors.TOTAL else (fact.by.get(dimension) or "")[:LONGEST] == value)
        ]
        if len(found) >= PAGE or looked >= LOOKED_AT or seen + len(found) >= counted:
            break
    else:
        last = None
    listed = seen + len(found)
    goes_on = last is not None and listed < counted
    following = str(Place(last.created_at, last.pk, listed)) if last is not None and goes_on else ""
    columns, cells = _cells(metric, [fact for _, fact in found])
    objects = _objects(viewer, [event for event, _ in found])
    rows = [
        Row(event.created_at, what, url, list(zip(columns, said, strict=True)))
        for (event, _), (what, url), said in zip(found, objects, cells, strict=True)
    ]
    return Behind(columns, rows, counted, following, 0 if goes_on else max(0, counted - listed))


def _cells(metric: str, facts: Sequence[Fact]) -> tuple[list[str], list[list[str]]]:
    """Return the columns that say something, and what they say of each fact. A query for each dimension."""
    found = METRICS[metric]
    values = {part: {str(fact.by[part]) for fact in facts if fact.by.get(part)} for part in found.dimensions}
    names = {part: names_of_values(part, those, metric) for part, those in values.items() if those}
    columns = [_TITLES.get(part) or found.kind.capitalize() for part in names]
    amount, unit = _AMOUNTS.get(found.unit), "share" if metric == "utilisation" else UNITS[found.unit]
    cells = [[names[part].get(str(fact.by.get(part)), "–") for part in names] for fact in facts]
    if amount:
        columns.append(amount)
        for fact, said in zip(facts, cells, strict=True):
            said.append(units.in_words(fact.amount, unit, fact.currency))
    return columns, cells


def _objects(viewer: Actor, events: Sequence[StoredEvent]) -> Iterator[tuple[str, str]]:
    """Yield what each event is about, and its page if the viewer may open it. Conversations are masked. One query."""
    keys = {found for event in events if (found := uuid_of(str(event.payload.get("conversation") or "")))}
    names: dict[UUID | None, str] = {}
    if keys and viewer.may(VIEW):
        names = {row.pk: row.contact.shown_name for row in query_conversations(viewer=viewer).filter(pk__in=keys)}
    for event in events:
        said: dict[str, Any] = event.payload
        conversation, run, request = (
            uuid_of(str(said.get(key) or "")) for key in ("conversation", "run", "approval_id")
        )
        if request:
            yield str(said.get("reference") or "Request"), _page(viewer, _REQUEST, request)
        elif run:
            yield names.get(conversation, "Agent run"), _page(viewer, _RUN, run)
        elif conversation in names:
            yield names[conversation], _page(viewer, _CONVERSATION, conversation)
        else:
            yield "Conversation" if conversation else "Sample", ""


def _page(viewer: Actor, page: tuple[str, str], key: UUID | None) -> str:
    return reverse(f"admin:{page[0]}_change", args=[key]) if viewer.may(page[1]) else ""
