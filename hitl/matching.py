"""Which workflow a request falls under, and whether a rule may decide it alone (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal
from uuid import UUID

AUTO_APPROVE_MAX_SCORE: Final = 49
AUTO_APPROVE_MAX_COST: Final = Decimal("1000")


@dataclass(frozen=True)
class Subject:
    """What is matched: the request as the engine sees it, not as the requester words it."""

    kind: str
    risk_level: str
    score: int
    cost: Decimal | None
    currency: str
    agent_id: UUID | None = None
    channel: str = ""


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
    is_default: bool = False
    strength: int = 0
    """How many votes it needs over all levels."""


def choose(rules: Sequence[Rule], subject: Subject) -> Rule | None:
    """Return the rule for a request: highest priority, else the default, else the strictest.

    None means that there is no workflow at all; the caller holds the request as unsatisfiable.
    """
    matching = [rule for rule in rules if not rule.is_default and matches(rule, subject)]
    if matching:
        return min(matching, key=lambda r: (-r.priority, -_conditions(r), str(r.workflow_id)))
    defaults = [rule for rule in rules if rule.is_default]
    pool = defaults or list(rules)
    return max(pool, key=lambda r: (r.strength, r.priority, str(r.workflow_id)), default=None)


def matches(rule: Rule, subject: Subject) -> bool:
    """Tell whether every condition of the rule holds for the request."""
    return (
        _within(subject.kind, rule.kinds)
        and _within(subject.risk_level, rule.risk_levels)
        and _within(str(subject.agent_id), rule.agents)
        and _within(subject.channel, rule.channels)
        and _cost_fits(rule, subject)
    )


def _within(value: str, wanted: tuple[str, ...]) -> bool:
    return not wanted or value in wanted


def _cost_fits(rule: Rule, subject: Subject) -> bool:
    comparable = subject.cost is not None and rule.currency in ("", subject.currency)
    if not comparable:
        # An amount that cannot be compared may be any amount: it is never under a limit.
        return rule.max_cost is None
    cost = abs(subject.cost or Decimal(0))
    over = rule.min_cost is None or cost >= rule.min_cost
    return over and (rule.max_cost is None or cost < rule.max_cost)


def _conditions(rule: Rule) -> int:
    asked = (rule.kinds, rule.risk_levels, rule.agents, rule.channels)
    costs = (rule.min_cost, rule.max_cost)
    return sum(map(bool, asked)) + sum(cost is not None for cost in costs)


@dataclass(frozen=True)
class AutoRule:
    """A rule that decides without a person, within ceilings."""

    id: str
    verdict: Literal["approve", "reject"]
    max_cost: Decimal | None = None
    max_score: int | None = None
    min_score: int | None = None
    currency: str = ""


def auto_rule_from(row: Mapping[str, Any]) -> AutoRule:
    """Read one auto rule of a workflow. Raises KeyError, ValueError or ArithmeticError."""
    verdict = row["verdict"]
    if verdict not in ("approve", "reject"):
        raise ValueError("an auto rule approves or rejects")
    cost = row.get("max_cost")
    return AutoRule(
        id=str(row["id"]),
        verdict=verdict,
        max_cost=None if cost is None else Decimal(str(cost)),
        max_score=_whole(row.get("max_score")),
        min_score=_whole(row.get("min_score")),
        currency=str(row.get("currency", "")),
    )


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


def auto_decision(rules: Sequence[AutoRule], subject: Subject) -> AutoRule | None:
    """Return the rule that decides the request alone: a rejection first, else an approval."""
    for rule in rules:
        if rule.verdict == "reject" and _may_reject(rule, subject):
            return rule
    for rule in rules:
        if rule.verdict == "approve" and _may_approve(rule, subject):
            return rule
    return None


def _may_reject(rule: AutoRule, subject: Subject) -> bool:
    return rule.min_score is not None and subject.score >= rule.min_score


def _may_approve(rule: AutoRule, subject: Subject) -> bool:
    if rule.max_cost is None or rule.max_score is None or subject.cost is None:
        return False
    if rule.currency not in ("", subject.currency):
        return False
    ceiling = min(rule.max_score, AUTO_APPROVE_MAX_SCORE)
    limit = min(rule.max_cost, AUTO_APPROVE_MAX_COST)
    return subject.score <= ceiling and abs(subject.cost) <= limit
