"""Which workflow a request falls under, and whether a rule may decide it alone (pure)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from core import expressions
from core.working_time import DAYS, minute_of

ASKERS_FACTS: Final = frozenset({"tags", "channel", "agent"})
"""Facts that requesters can choose: they may make a request stricter, never easier. Custom fields are such, too."""


@dataclass(frozen=True)
class Subject:
    """The facts of a request that workflows are matched against."""

    kind: str
    risk_level: str
    score: int
    cost: Decimal | None
    currency: str
    agent_id: UUID | None = None
    channel: str = ""
    share: Decimal | None = None
    reach: int | None = None
    tags: tuple[str, ...] = ()
    local_time: datetime | None = None
    """The moment in the tenant's zone."""
    spent: Decimal | None = None
    """What its requester requested in the last 24 hours, including this; None until it is needed."""
    fields: Mapping[str, str | Decimal] = field(default_factory=dict)
    """The custom fields that have a value, by the names of their facts."""

    def facts(self) -> dict[str, Any]:
        """Return the facts that a condition can use, by name."""
        moment = self.local_time
        return {
            **self.fields,
            "cost": None if self.cost is None else abs(self.cost),
            "currency": self.currency,
            "share": self.share,
            "reach": self.reach,
            "risk": self.score,
            "level": self.risk_level,
            "kind": self.kind,
            "channel": self.channel,
            "agent": str(self.agent_id or ""),
            "tags": self.tags,
            "hour": None if moment is None else moment.hour,
            "weekday": None if moment is None else DAYS[moment.weekday()],
            "spent": self.spent,
        }


@dataclass(frozen=True)
class Rule:
    """The conditions of one workflow; an empty condition matches everything."""

    workflow_id: UUID
    priority: int = 0
    kinds: tuple[str, ...] = ()
    risk_levels: tuple[str, ...] = ()
    min_cost: Decimal | None = None
    max_cost: Decimal | None = None
    currency: str = ""
    agents: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    contact_tags: tuple[str, ...] = ()
    time_window: Mapping[str, Any] = field(default_factory=dict)
    condition: str = ""
    is_default: bool = False
    strength: int = 0
    """The number of votes required over all levels."""

    @property
    def leans_on_asker(self) -> bool:
        """Return True if it matches on a fact that requesters can choose."""
        return bool(self.agents or self.channels or self.contact_tags) or asks_for_askers_facts(self.condition)

    @property
    def conditions(self) -> int:
        """Return how many conditions it has."""
        asked = (self.kinds, self.risk_levels, self.agents, self.channels, self.contact_tags, self.time_window)
        costs = (self.min_cost, self.max_cost)
        return sum(map(bool, (*asked, self.condition))) + sum(cost is not None for cost in costs)


@dataclass(frozen=True)
class Choice:
    """The matched rule; not `certain` when a condition could not be evaluated.

    `floor` is the rule that would match without the requester's facts, if it is another one: the request
    then needs what both require.
    """

    rule: Rule
    certain: bool = True
    floor: Rule | None = None


def pick(rules: Sequence[Rule], subject: Subject) -> Choice | None:
    """Return the rule for a request: highest priority, else the default, else the strictest.

    A rule whose condition can't be evaluated might match: the strictest of those and of the one that matches
    without them is taken, and is not certain, so that people are asked. None means that there is no workflow
    at all; the caller holds the request as unsatisfiable.
    """
    chosen = _pick(rules, rules, subject)
    plain = [rule for rule in rules if not rule.leans_on_asker]
    if chosen is None or len(plain) == len(rules):
        return chosen
    floor = _pick(plain, rules, subject)
    if floor is None:
        return chosen
    certain = chosen.certain and floor.certain
    return Choice(chosen.rule, certain, None if floor.rule == chosen.rule else floor.rule)


def _pick(candidates: Sequence[Rule], rules: Sequence[Rule], subject: Subject) -> Choice | None:
    """Choose among the candidates; if none matches, among the defaults or all rules."""
    verdicts = [(rule, matches(rule, subject)) for rule in candidates if not rule.is_default]
    if matching := [rule for rule, verdict in verdicts if verdict]:
        chosen: Rule | None = min(matching, key=lambda rule: (-rule.priority, -rule.conditions, rule.workflow_id))
    else:
        pool = [rule for rule in rules if rule.is_default] or rules
        chosen = _strictest(pool) if pool else None
    unclear = [rule for rule, verdict in verdicts if verdict is None]
    if not unclear:
        return None if chosen is None else Choice(chosen)
    return Choice(_strictest([*unclear, *([] if chosen is None else [chosen])]), certain=False)


def _strictest(rules: Sequence[Rule]) -> Rule:
    return max(rules, key=lambda r: (r.strength, r.priority, r.workflow_id))


def matches(rule: Rule, subject: Subject) -> bool | None:
    """Return True if every condition of the rule holds, None if one can't be evaluated."""
    plain = (
        _within(subject.kind, rule.kinds)
        and _within(subject.risk_level, rule.risk_levels)
        and _within(str(subject.agent_id), rule.agents)
        and _within(subject.channel, rule.channels)
        and (not rule.contact_tags or bool(set(rule.contact_tags) & set(subject.tags)))
        and _cost_fits(rule, subject)
    )
    if not plain:
        return False
    try:
        in_time = not rule.time_window or in_window(rule.time_window, subject.local_time)
        return in_time and condition_holds(rule.condition, subject)
    except ValueError:
        return None


def condition_holds(condition: str, subject: Subject) -> bool:
    """Return True if a custom condition holds or is empty. Raises ValueError if it can't be evaluated."""
    return not condition or expressions.holds(expressions.parse(condition), subject.facts())


def flags_for(rules: Iterable[tuple[str, str]], subject: Subject) -> tuple[str, ...]:
    """Return the names of the flags whose condition holds or can't be evaluated: a mark too many is cleared."""
    found = []
    for name, condition in rules:
        try:
            holds = condition_holds(condition, subject)
        except ValueError:
            holds = True
        found += [name] if holds else []
    return tuple(found)


def asks_for_askers_facts(condition: str) -> bool:
    """Return True if a condition uses a fact that requesters can choose."""
    if not condition:
        return False
    try:
        names = expressions.names_in(expressions.parse(condition))
        return bool(ASKERS_FACTS & names) or any(name.startswith(expressions.FIELD) for name in names)
    except expressions.BadExpression:
        return False


def in_window(window: Mapping[str, Any], moment: datetime | None) -> bool:
    """Return True if a moment is in `{"days": [...], "from": "HH:MM", "until": "HH:MM"}`.

    A window that ends before it begins runs past midnight and belongs to the day it began on; without hours
    it lasts all day. Raises ValueError for an invalid window.
    """
    if moment is None:
        raise ValueError("the local time is not known")
    days = set(window.get("days") or DAYS)
    if not days <= set(DAYS):
        raise ValueError("unknown day")
    today, before = DAYS[moment.weekday()], DAYS[moment.weekday() - 1]
    begin, end = minute_of(window.get("from") or "00:00"), minute_of(window.get("until") or "24:00")
    minute = moment.hour * 60 + moment.minute
    if begin < end:
        return today in days and begin <= minute < end
    return (today in days and minute >= begin) or (before in days and minute < end)


def _within(value: str, wanted: tuple[str, ...]) -> bool:
    return not wanted or value in wanted


def _cost_fits(rule: Rule, subject: Subject) -> bool:
    comparable = subject.cost is not None and (rule.currency in ("", subject.currency) or subject.cost == 0)
    if not comparable:
        # An amount in an unknown currency could be any amount, so it is never under a limit.
        return rule.max_cost is None
    cost = abs(subject.cost or Decimal(0))
    over = rule.min_cost is None or cost >= rule.min_cost
    return over and (rule.max_cost is None or cost < rule.max_cost)
