"""What conditions may ask of figures and events, such as `p95("first_answer_person", 1) > 900`."""

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from analytics.figures.metrics import METRICS, PERSON, TEAM, Unit
from analytics.figures.spans import HOUR_DAYS
from console.base.lists import uuid_of
from core import catalogue
from core.expressions import BadExpression, Call, Vocabulary, calls_in, names_in, parse
from core.expressions import Node as Condition

TOTAL: Final = "total"
CURRENCY: Final = "currency"
QUANTILES: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
ONE: Final = frozenset({"total", "count", "average", *QUANTILES})
"""Asks for one figure."""
TWO: Final = frozenset({"percent", "share"})
"""Divides one figure by another, or by both together."""
EVENTS: Final = "events"
CALLS: Final = ONE | TWO | {EVENTS}
MOST_HOURS: Final = HOUR_DAYS * 24 - 48
"""Hours of figures are kept for two weeks; trying a rule out looks back further than its own hours."""
MOST_MINUTES: Final = 1440
MOST_CALLS: Final = 6


@dataclass(frozen=True, slots=True)
class FigureQuestion:
    """What some figures came to in this hour and those before it."""

    name: str
    metrics: tuple[str, ...]
    hours: int
    dimension: str = TOTAL
    value: str = ""
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class EventQuestion:
    """How many events of a type happened in the last minutes."""

    type: str
    minutes: int


Question = FigureQuestion | EventQuestion


def vocabulary_of(fact_names: Collection[str]) -> Vocabulary:
    """Return what conditions may use: facts, and questions to figures and events; all are numbers."""
    return Vocabulary(numbers=frozenset(fact_names), texts=frozenset(), lists=frozenset(), calls=CALLS)


def parse_condition(text: str, fact_names: Collection[str]) -> Condition:
    """Parse a condition and check its questions. Raises BadExpression with a sentence for its author."""
    node = parse(text, vocabulary_of(fact_names))
    calls = calls_in(node)
    if len(calls) > MOST_CALLS:
        raise BadExpression(f"Ask figures and events at most {MOST_CALLS} times in a condition.")
    for call in calls:
        question_of(call)
    if not names_in(node) and not calls:
        raise BadExpression("The condition names no fact, so that it would always say the same.")
    return node


def question_of(call: Call) -> Question:
    """Return what a call asks. Raises BadExpression with a sentence for its author."""
    if call.name == EVENTS:
        return _about_events(call)
    count = 2 if call.name in TWO else 1
    metrics, rest = call.values[:count], call.values[count:]
    if len(metrics) < count or len(rest) not in (1, 3):
        wanted = '"figure", "figure", hours' if count == 2 else '"figure", hours'
        raise BadExpression(f"Write {call.name}({wanted}), and perhaps a dimension and its value after it.")
    for metric in metrics:
        if metric not in METRICS:
            raise BadExpression(f"“{metric}” is not a figure. Their list is in the reference of figures.")
    names, hours = tuple(str(metric) for metric in metrics), _whole(rest[0], "hours", MOST_HOURS)
    units = {METRICS[name].unit for name in names}
    if call.name in QUANTILES and units != {Unit.SECONDS}:
        raise BadExpression(f"Only times have a {call.name}.")
    if call.name in TWO and not units <= {Unit.COUNT, Unit.TOKENS, Unit.MONEY}:
        raise BadExpression(f"Only what is counted can be compared by {call.name}.")
    if len(rest) == 1:
        return FigureQuestion(call.name, names, hours)
    dimension, value = str(rest[1]), str(rest[2])
    if dimension == CURRENCY:
        return FigureQuestion(call.name, names, hours, currency=value)
    if any(dimension not in METRICS[name].dimensions for name in names):
        raise BadExpression(f"{' and '.join(names)} can't be split by “{dimension}”.")
    if dimension == PERSON and uuid_of(value) is None:
        raise BadExpression("Name a person by their ID.")
    return FigureQuestion(call.name, names, hours, dimension, value)


def _about_events(call: Call) -> EventQuestion:
    if len(call.values) != 2:
        raise BadExpression('Write events("type", minutes).')
    kind = catalogue.find(str(call.values[0]))
    if kind is None or not kind.is_published:
        raise BadExpression(f"“{call.values[0]}” is not an event. Their list is in the reference of events.")
    return EventQuestion(kind.name, _whole(call.values[1], "minutes", MOST_MINUTES))


def _whole(value: Decimal | str, what: str, most: int) -> int:
    if isinstance(value, str) or value != int(value) or not 1 <= value <= most:
        raise BadExpression(f"Write 1 to {most} {what}, as a whole number.")
    return int(value)


def words_of(question: Question) -> str:
    """Return what a question asks, for people."""
    if isinstance(question, EventQuestion):
        return f"Events {question.type} in {question.minutes} minutes"
    names = [METRICS[metric].name for metric in question.metrics]
    asked = {
        "total": names[0], "count": f"{names[0]}, how often", "average": f"{names[0]}, average",
        "percent": f"{names[0]}, percent of {names[-1].lower()}", "share": f"{names[0]}, percent of all",
    }.get(question.name, f"{names[0]}, {question.name}")  # fmt: skip
    where = f" ({question.value or question.currency})" if question.value or question.currency else ""
    is_time = question.name in (*QUANTILES, "average") and METRICS[question.metrics[0]].unit == Unit.SECONDS
    return f"{asked}{where}, {question.hours} h{', in seconds' if is_time else ''}"


def needs_names(question: Question) -> bool:
    """Return True if a question names a team, an agent or a channel by something else than its ID."""
    if isinstance(question, EventQuestion):
        return False
    return question.dimension in (TEAM, "agent", "channel") and uuid_of(question.value) is None
