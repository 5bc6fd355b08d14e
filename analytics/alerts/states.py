"""What a rule's state becomes (pure but for the model's words)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from analytics.models import AlertRule
from core.expressions import BadExpression, NotEvaluable, Vocabulary, holds, names_in, parse

State = AlertRule.State
UNKNOWN: Final = "{name} can't be measured now: there is nothing to compare."


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether a condition holds; `trouble` says why nobody can tell."""

    holds: bool = False
    trouble: str = ""


def vocabulary_of(names: frozenset[str]) -> Vocabulary:
    """Return the facts that conditions may use: all are numbers."""
    return Vocabulary(numbers=names, texts=frozenset(), lists=frozenset())


def find(condition: str, facts: Mapping[str, Decimal | None], fact_names: frozenset[str]) -> Finding:
    """Return whether a condition holds. An unknown fact, or one without a value, never makes it hold."""
    try:
        node = parse(condition, vocabulary_of(fact_names))
        missing = sorted(name for name in names_in(node) if facts.get(name) is None)
        if missing:
            return Finding(trouble=UNKNOWN.format(name=missing[0]))
        return Finding(holds=holds(node, facts))
    except (BadExpression, NotEvaluable) as problem:
        return Finding(trouble=str(problem)[:200])


def next_state(rule: AlertRule, finding: Finding, moment: datetime) -> AlertRule.State:
    """Return the state that follows from a finding."""
    if finding.trouble:
        return State.BROKEN
    if not finding.holds:
        return State.OK
    if rule.silenced_until is not None and rule.silenced_until > moment:
        return State.SILENCED
    if rule.state == State.FIRING:
        return State.FIRING
    if rule.state == State.PENDING:
        is_due = moment - rule.state_since >= timedelta(seconds=rule.hold_seconds)
        return State.FIRING if is_due else State.PENDING
    return State.PENDING if rule.hold_seconds else State.FIRING
