"""Measure what conditions name: facts, figures from hour rows, and events of the store, each by one query."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db.models import QuerySet, Sum

from accounts.selectors import tenant_zone
from analytics.alerts.questions import (
    QUANTILES,
    EventQuestion,
    FigureQuestion,
    Question,
    needs_names,
    parse_condition,
    question_of,
    words_of,
)
from analytics.figure_pages.labels import choices_of
from analytics.figures import buckets
from analytics.figures.spans import HOUR, hour_of
from analytics.models import FigureHour, StoredEvent
from core.expressions import BadExpression, Call, calls_in, names_in
from core.observability import facts
from core.observability.facts import Sample

Key = str | Call
MOST_EVENTS: Final = 10_000
"""Events are counted up to here: a rule about more compares figures."""
STEP: Final = timedelta(minutes=10)
NOTHING: Final = "Nothing was counted for {words}: there is nothing to divide by."
CURRENCIES: Final = 'This is in several currencies. Name one: {name}("{metric}", {hours}, "currency", "EUR").'
GONE: Final = "There is no {dimension} “{value}” any more."


@dataclass(slots=True)
class Measured:
    """The numbers that conditions name. One that is None has a reason: `empty`, or `broken` until a person acts."""

    values: dict[Key, Decimal | None] = field(default_factory=dict)
    empty: dict[Key, str] = field(default_factory=dict)
    broken: dict[Key, str] = field(default_factory=dict)


def asked_by(conditions: Iterable[str], fact_names: Collection[str]) -> tuple[set[str], set[Call]]:
    """Return the facts and the questions of conditions, without those that can't be parsed."""
    names: set[str] = set()
    calls: set[Call] = set()
    for condition in conditions:
        try:
            node = parse_condition(condition, fact_names)
        except BadExpression:
            continue
        names |= names_in(node)
        calls |= calls_in(node)
    return names, calls


def measure(names: Iterable[str], calls: Iterable[Call], *, now: datetime) -> Measured:
    """Measure each fact and each question once."""
    found = Measured()
    found.values.update(facts.read(names))
    for call, question in _resolved(calls, found).items():
        if isinstance(question, EventQuestion):
            since = now - timedelta(minutes=question.minutes)
            events = StoredEvent.objects.filter(type=question.type, created_at__gt=since, created_at__lte=now)
            found.values[call] = Decimal(events.order_by()[:MOST_EVENTS].count())
        else:
            since = hour_of(now - question.hours * HOUR, tenant_zone())
            rows = _hours(question, since).order_by().values_list("metric", "bucket", "currency")
            parts = [Part(row[0], since, *row[1:]) for row in rows.annotate(Sum("n"), Sum("total"))]
            _answer(call, question, parts, found)
    return found


def _resolved(calls: Iterable[Call], found: Measured) -> dict[Call, Question]:
    """Return the questions with ids in the place of names; at most one query for each dimension."""
    ids: dict[str, dict[str, str]] = {}
    resolved: dict[Call, Question] = {}
    for call, question in ((call, question_of(call)) for call in sorted(calls, key=str)):
        if not isinstance(question, FigureQuestion) or not needs_names(question):
            resolved[call] = question
            continue
        dimension = question.dimension
        if dimension not in ids:
            ids[dimension] = {name: key for key, name in choices_of(dimension)}
        known = ids[dimension]
        if question.value in known or question.value in known.values():
            resolved[call] = replace(question, value=known.get(question.value, question.value))
        else:
            found.values[call] = None
            found.broken[call] = GONE.format(dimension=dimension, value=question.value)
    return resolved


@dataclass(frozen=True, slots=True)
class Part:
    """What a metric came to in an hour, in one bucket and currency."""

    metric: str
    hour: datetime
    bucket: int
    currency: str
    n: int
    total: Decimal


def _hours(question: FigureQuestion, since: datetime) -> QuerySet[Any, Any]:
    rows = FigureHour.objects.filter(
        metric__in=question.metrics, dimension=question.dimension, value=question.value, hour__gte=since
    )
    return rows if question.currency is None else rows.filter(currency=question.currency)


def _answer(call: Call, question: FigureQuestion, parts: Sequence[Part], found: Measured) -> None:
    """Write down the number, or why there is none."""
    currencies = {part.currency for part in parts if part.currency}
    if len(currencies) > 1 and question.name != "count":
        found.values[call] = None
        found.broken[call] = CURRENCIES.format(name=question.name, metric=question.metrics[0], hours=question.hours)
        return
    found.values[call] = value = number_of(question, parts)
    if value is None:
        found.empty[call] = NOTHING.format(words=words_of(question))


def number_of(question: FigureQuestion, parts: Sequence[Part]) -> Decimal | None:
    """Return what a question comes to; None where it divides by nothing."""
    n = {metric: sum(part.n for part in parts if part.metric == metric) for metric in question.metrics}
    total = {metric: sum((part.total for part in parts if part.metric == metric), Decimal(0)) for metric in n}
    first, last = question.metrics[0], question.metrics[-1]
    match question.name:
        case "count":
            return Decimal(n[first])
        case "total":
            return total[first]
        case "average":
            return total[first] / n[first] if n[first] else None
        case "percent":
            return 100 * total[first] / total[last] if total[last] else None
        case "share":
            both = total[first] + total[last]
            return 100 * total[first] / both if both else None
    counts: dict[int, int] = {}
    for part in parts:
        counts[part.bucket] = counts.get(part.bucket, 0) + part.n
    (seconds,) = buckets.quantiles(counts, [QUANTILES[question.name]])
    return None if seconds is None else Decimal(str(round(seconds, 3)))


def past_of(call: Call, since: datetime, *, now: datetime) -> list[Sample] | None:
    """Return what a question would have come to every ten minutes since a moment; None where nothing is kept.

    Of hours only whole ones are known, so that each hour has one number. Hours without one are left out.
    """
    question = _resolved([call], Measured()).get(call)
    if not isinstance(question, FigureQuestion):
        return None
    zone = tenant_zone()
    first = hour_of(since, zone) - question.hours * HOUR
    columns = ("metric", "hour", "bucket", "currency", "n", "total")
    parts = [Part(*row) for row in _hours(question, first).order_by("hour").values_list(*columns)]
    samples: list[Sample] = []
    numbers: dict[datetime, Decimal | None] = {}
    moment = since
    while moment <= now:
        hour = hour_of(moment, zone)
        if hour not in numbers:
            window = [part for part in parts if hour - question.hours * HOUR <= part.hour <= hour]
            numbers[hour] = number_of(question, window)
        if (value := numbers[hour]) is not None:
            samples.append((moment, value))
        moment += STEP
    return samples


def check_names(condition: str, fact_names: Collection[str]) -> None:
    """Raise BadExpression for a condition that names a team, an agent or a channel that there isn't."""
    found = Measured()
    _resolved(calls_in(parse_condition(condition, fact_names)), found)
    for why in found.broken.values():
        raise BadExpression(why.replace(" any more", ""))


def label_of(key: str) -> str:
    """Return a number's name in words; it is written as in the condition."""
    fact = facts.all_facts().get(key)
    if fact is not None:
        return fact.label
    try:
        (call,) = calls_in(parse_condition(f"{key} > 0", ()))
    except (BadExpression, ValueError):
        return key
    return words_of(question_of(call))
