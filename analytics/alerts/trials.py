"""Try a condition: what it says now, and how often it would have held where numbers of the past are kept."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from accounts.selectors import tenant_zone
from analytics.alerts.evaluate import MANAGE
from analytics.alerts.measures import STEP, Key, Measured, check_names, label_of, measure, past_of
from analytics.alerts.questions import parse_condition
from analytics.alerts.states import Finding, find
from core.actors import Actor
from core.clock import now as clock_now
from core.errors import Invalid
from core.expressions import BadExpression, calls_in, names_in
from core.observability import facts
from core.observability.facts import Sample

LONGEST: Final = 30
SHOWN: Final = 20
MENTIONED: Final = 3


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
    fact_names, moment = frozenset(facts.all_facts()), now or clock_now()
    try:
        node = parse_condition(condition, fact_names)
        check_names(condition, fact_names)
    except BadExpression as problem:
        raise Invalid("This condition can't be used.", fields={"condition": [str(problem)]}) from problem
    names, calls = sorted(names_in(node)), sorted(calls_in(node), key=str)
    measured = measure(names, calls, now=moment)
    finding = find(condition, measured, fact_names)
    values = {str(key): value for key, value in measured.values.items()}
    since = moment - timedelta(days=days)
    known, past = facts.all_facts(), dict[Key, Sequence[Sample] | None]()
    past.update({name: reading(since) if (reading := known[name].past) is not None else None for name in names})
    past.update({call: past_of(call, since, now=moment) for call in calls})
    unknown = [str(key) for key, samples in past.items() if samples is None]
    if unknown:
        return Trial(finding, values, unknown=unknown)
    times = _beginnings(condition, {key: samples or () for key, samples in past.items()}, fact_names)
    return Trial(finding, values, times[-SHOWN:], len(times))


def words_of(*, actor: Actor, condition: str, now: datetime | None = None) -> str:
    """Say what a condition finds now and what it would have found last week; changes nothing.

    Needs `analytics.manage_alerts`. Raises Refused.
    """
    actor.require(MANAGE)
    if not condition.strip():
        return "Choose a fact and a value: when this rule would have fired last week appears here."
    try:
        found = try_condition(actor=actor, condition=condition, now=now)
    except Invalid as problem:
        fields: Mapping[str, Sequence[str]] = problem.facts.get("fields") or {}
        return next((said for texts in fields.values() for said in texts), problem.detail)
    present = found.now.trouble or ("It is met now." if found.now.holds else "It isn't met now.")
    if found.unknown:
        missing = ", ".join(label_of(key) for key in found.unknown)
        return f"{present} What it would have found last week isn't known: no history is kept of {missing}."
    if not found.count:
        return f"{present} In the last 7 days it was never met."
    zone = tenant_zone()
    last = ", ".join(f"{time.astimezone(zone):%a %d %b, %H:%M}" for time in found.times[: -MENTIONED - 1 : -1])
    return f"{present} In the last 7 days it was met {found.count} time{'s' * (found.count > 1)}, last: {last}."


def _beginnings(condition: str, past: Mapping[Key, Sequence[Sample]], fact_names: Collection[str]) -> list[datetime]:
    """Return when the condition began to hold. A fact without a number was nothing, a figure was unknown."""
    by_moment: dict[datetime, dict[Key, Decimal | None]] = {}
    for key, samples in past.items():
        for moment, value in samples:
            by_moment.setdefault(moment, {})[key] = Decimal(str(value))
    missing: dict[Key, Decimal | None] = {key: Decimal(0) if isinstance(key, str) else None for key in past}
    found, held, last = [], False, None
    for moment in sorted(by_moment):
        holds = find(condition, Measured(values={**missing, **by_moment[moment]}), fact_names).holds
        is_next = last is not None and moment - last <= STEP
        if holds and not (held and is_next):
            found.append(moment)
        held, last = holds, moment
    return found
