"""Rules that decide a request without a person, within fixed ceilings (pure)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal

from core import expressions
from core.text.amounts import parse_amount
from hitl.domain.matching import Subject, asks_for_askers_facts, condition_holds

AUTO_APPROVE_MAX_SCORE: Final = 49
AUTO_APPROVE_MAX_COST: Final = Decimal(1000)
AUTO_APPROVE_PER_DAY: Final = 200
AUTO_APPROVE_MONEY: Final = Decimal(5000)
"""Rules approve at most this much of one kind in one currency in 24 hours, regardless of the requester."""
DAY_HOURS: Final = 24
WINDOW_MAX_HOURS: Final = 24 * 31
Per = Literal["requester", "agent", "kind"]
KEYS: Final = frozenset(
    "id verdict max_cost max_score min_score currency per_day window_amount window_hours per condition".split()
)


@dataclass(frozen=True)
class AutoRule:
    """A rule that decides without a person, within ceilings.

    It approves at most `per_day` requests in 24 hours and `window_amount` in `window_hours`, added
    up over what it and other rules approved for the same requester, agent or kind.
    """

    id: str
    verdict: Literal["approve", "reject"]
    max_cost: Decimal | None = None
    max_score: int | None = None
    min_score: int | None = None
    currency: str = ""
    per_day: int | None = None
    window_amount: Decimal | None = None
    window_hours: int = DAY_HOURS
    per: Per = "kind"
    condition: str = ""


@dataclass(frozen=True)
class Spent:
    """What rules have approved in a window: number and amount."""

    count: int
    amount: Decimal


def auto_rule_from(row: Mapping[str, Any]) -> AutoRule:
    """Parse one rule of a workflow. Raises KeyError, ValueError or ArithmeticError."""
    verdict, per = row["verdict"], row.get("per", "kind")
    if verdict not in ("approve", "reject") or per not in ("requester", "agent", "kind"):
        raise ValueError("an auto rule approves or rejects, per requester, agent or kind")
    if set(row) - KEYS:
        raise ValueError(f"unknown: {sorted(set(row) - KEYS)}")
    hours = _whole(row.get("window_hours")) or DAY_HOURS
    if not 1 <= hours <= WINDOW_MAX_HOURS:
        raise ValueError(f"a window lasts 1 to {WINDOW_MAX_HOURS} hours")
    condition = str(row.get("condition") or "")
    if condition:
        expressions.parse(condition)
    return AutoRule(
        id=str(row["id"]),
        verdict=verdict,
        max_cost=_amount(row.get("max_cost")),
        max_score=_whole(row.get("max_score")),
        min_score=_whole(row.get("min_score")),
        currency=str(row.get("currency") or ""),
        per_day=_whole(row.get("per_day")),
        window_amount=_amount(row.get("window_amount")),
        window_hours=hours,
        per=per,
        condition=condition,
    )


def shortcomings(rule: AutoRule) -> list[str]:
    """Return why a rule would never decide, or would decide less than it says."""
    if rule.verdict == "reject":
        return (
            []
            if rule.min_score is not None or rule.condition
            else ["a rule that rejects needs a minimum risk or a condition."]
        )
    if rule.max_cost is None or rule.max_score is None:
        return ["a rule that approves needs a maximum cost and a maximum risk."]
    ceilings = (
        (rule.max_cost, AUTO_APPROVE_MAX_COST, "cost"),
        (rule.max_score, AUTO_APPROVE_MAX_SCORE, "risk"),
        (rule.per_day or 0, AUTO_APPROVE_PER_DAY, "number a day"),
    )
    return [f"a rule can't approve above a {what} of {most:,}." for wanted, most, what in ceilings if wanted > most]


def _amount(value: Any) -> Decimal | None:
    if value is None or value == "":
        return None
    found = parse_amount(value)
    if found < 0:
        raise ValueError("an amount is not negative")
    return found


def _whole(value: Any) -> int | None:
    if value is None or value == "":
        return None
    if int(value) < 0:
        raise ValueError("a number is not negative")
    return int(value)


def auto_decision(rules: Sequence[AutoRule], subject: Subject) -> AutoRule | None:
    """Return the rule that decides the request: one that rejects, else one that approves.

    No rule approves what an unclear one might reject: people are asked. The windows of an approving rule are checked
    separately, as they depend on earlier approvals.
    """
    limited = [rule for rule in rules if rule.verdict == "reject" and (rule.min_score is not None or rule.condition)]
    verdicts = [(rule, _holds(rule, subject)) for rule in limited if subject.score >= (rule.min_score or 0)]
    rejecting = next((rule for rule, holds in verdicts if holds), None)
    if rejecting is not None or any(holds is None for _, holds in verdicts):
        return rejecting
    return next((rule for rule in rules if rule.verdict == "approve" and _may_approve(rule, subject)), None)


def _may_approve(rule: AutoRule, subject: Subject) -> bool:
    if rule.max_cost is None or rule.max_score is None or subject.cost is None:
        return False
    if rule.currency not in ("", subject.currency) or asks_for_askers_facts(rule.condition):
        return False
    ceiling = min(rule.max_score, AUTO_APPROVE_MAX_SCORE)
    limit = min(rule.max_cost, AUTO_APPROVE_MAX_COST)
    return subject.score <= ceiling and abs(subject.cost) <= limit and _holds(rule, subject) is True


def _holds(rule: AutoRule, subject: Subject) -> bool | None:
    """Return whether the condition holds, None if that is unclear: it decides nothing then."""
    try:
        return condition_holds(rule.condition, subject)
    except ValueError:
        return None


def within_windows(rule: AutoRule, cost: Decimal, *, own: Spent, day: Spent, kind_day: Spent) -> bool:
    """Return True if one more approval fits into all windows of a rule.

    `own` is what was approved in the rule's window, `day` in its scope in 24 hours, and `kind_day` for the
    whole kind, which has a fixed ceiling.
    """
    if rule.per_day is not None and day.count >= rule.per_day:
        return False
    if rule.window_amount is not None and own.amount + abs(cost) > rule.window_amount:
        return False
    return kind_day.count < AUTO_APPROVE_PER_DAY and kind_day.amount + abs(cost) <= AUTO_APPROVE_MONEY
