"""What a rule's state becomes (pure but for the model's words)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from analytics.alerts.measures import Measured
from analytics.alerts.questions import parse_condition
from analytics.models import AlertRule
from core.expressions import BadExpression, NotEvaluable, calls_in, holds_if_known, names_in

State = AlertRule.State
UNKNOWN: Final = "{name} can't be measured now: there is nothing to compare."
LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether a condition holds; `trouble` says why nobody can tell, `is_broken` if that needs a person."""

    holds: bool = False
    trouble: str = ""
    is_broken: bool = False


def find(condition: str, measured: Measured, fact_names: Collection[str]) -> Finding:
    """Return whether a condition holds. An unknown number never makes it hold.

    A fact without a value needs a person. Figures of hours in which nothing was counted don't: at night the time of
    the first answer is no time at all.
    """
    try:
        node = parse_condition(condition, fact_names)
        missing = sorted(name for name in names_in(node) if measured.values.get(name) is None)
        if missing:
            return Finding(trouble=UNKNOWN.format(name=missing[0]), is_broken=True)
        calls = sorted(calls_in(node), key=str)
        broken = [measured.broken[call] for call in calls if call in measured.broken]
        if broken:
            return Finding(trouble=broken[0][:LONGEST], is_broken=True)
        found = holds_if_known(node, measured.values)
        empty = [measured.empty[call] for call in calls if call in measured.empty]
        return Finding(holds=found is True, trouble=empty[0][:LONGEST] if found is None and empty else "")
    except (BadExpression, NotEvaluable) as problem:
        return Finding(trouble=str(problem)[:LONGEST], is_broken=True)


def next_state(rule: AlertRule, finding: Finding, moment: datetime) -> AlertRule.State:
    """Return the state that follows from a finding."""
    if finding.is_broken:
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
