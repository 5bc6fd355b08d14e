"""Try a condition: what it says now, and how often it would have held where numbers of the past are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from analytics.alerts.evaluate import MANAGE
from analytics.alerts.states import Finding, find, vocabulary_of
from core.actors import Actor
from core.clock import now as clock_now
from core.errors import Invalid
from core.expressions import BadExpression, names_in, parse
from core.observability import facts
from core.observability.facts import Sample

LONGEST: Final = 30
SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Trial:
    """What a condition says now, and when it would have begun to hold; `unknown` are facts without a past."""

    now: Finding
    values: dict[str, Decimal | None]
    times: list[datetime] = field(default_factory=list)
    count: int = 0
    unknown: list[str] = field(default_factory=list)


def try_condition(*, actor: Actor, condition: str, days: int = 7, now: datetime | None = None) -> Trial:
    """Try a condition on the numbers of now and of the last days; changes nothing.

    Needs `analytics.manage_alerts`. Raises Refused, Invalid for a condition or a number of days that can't be used.
    """
    actor.require(MANAGE)
    if not 1 <= days <= LONGEST:
        raise Invalid(f"Choose 1 to {LONGEST} days.", fields={"days": [f"Choose 1 to {LONGEST} days."]})
    fact_names, registered = frozenset(facts.all_facts()), facts.all_facts()
    try:
        names = sorted(names_in(parse(condition, vocabulary_of(fact_names))))
    except BadExpression as problem:
        raise Invalid("This condition can't be used.", fields={"condition": [str(problem)]}) from problem
    values = facts.read(names)
    finding = find(condition, values, fact_names)
    unknown = [name for name in names if registered[name].past is None]
    if unknown:
        return Trial(finding, values, unknown=unknown)
    since = (now or clock_now()) - timedelta(days=days)
    past = {name: reading(since) for name in names if (reading := registered[name].past) is not None}
    times = _beginnings(condition, past, fact_names)
    return Trial(finding, values, times[-SHOWN:], len(times))


def _beginnings(condition: str, past: dict[str, Sequence[Sample]], fact_names: frozenset[str]) -> list[datetime]:
    """Return when the condition began to hold; where a number is missing it was nothing."""
    by_moment: dict[datetime, dict[str, Decimal | None]] = {}
    for name, samples in past.items():
        for moment, value in samples:
            by_moment.setdefault(moment, {})[name] = Decimal(str(value))
    found, held, last = [], False, None
    for moment in sorted(by_moment):
        numbers = {**dict.fromkeys(past, Decimal(0)), **by_moment[moment]}
        holds = find(condition, numbers, fact_names).holds
        is_next = last is not None and moment - last <= timedelta(minutes=10)
        if holds and not (held and is_next):
            found.append(moment)
        held, last = holds, moment
    return found
