"""What is wrong with a workflow's definition, field by field, in words for the person who writes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from uuid import UUID

from accounts.permissions.roles import ROLES
from accounts.selectors import is_active_member
from core import expressions
from core.clock import now
from hitl.actions import registry
from hitl.domain import matching
from hitl.domain.auto_rules import auto_rule_from, shortcomings
from hitl.domain.risk import LEVELS
from hitl.domain.strictness import AUTH_STRENGTH
from hitl.models import ApprovalLevel, ApproverGroup, BusinessCalendar
from hitl.notification_channels import IN_APP, notifiers
from hitl.policy.shapes import CONDITIONS, LEVEL, MOST_AMOUNT, misshapen

FIELDS: Final = frozenset(
    "description is_default priority kinds risk_levels min_cost max_cost currency agents channels "
    "contact_tags time_window condition expire_hours execute_within_hours auto_rules reminder_every_hours "
    "reminder_max edit_policy escalation allow_override signs_once open_per_agent notify_by".split()
)
LEVEL_FIELDS: Final = frozenset(
    "name mode quorum reject_threshold approvers sla_hours calendar_id require_reason min_auth parallel "
    "editable_fields".split()
)
LEVELS_MAX: Final = 12
STEPS_MAX: Final = 10
RULES_MAX: Final = 30
_WHOLE: Final = {
    "expire_hours": (1, 24 * 365),
    "execute_within_hours": (1, 24 * 365),
    "reminder_every_hours": (0, 24 * 30),
    "reminder_max": (0, 50),
    "open_per_agent": (1, 1000),
    "priority": (-1000, 1000),
}
Problems = dict[str, list[str]]


def problems_of(levels: Sequence[Mapping[str, Any]] | None, conditions: Mapping[str, Any]) -> Problems:
    """Return what is wrong; levels are None where they stay as they are."""
    found: Problems = {}
    unknown = sorted(set(conditions) - FIELDS)
    if unknown:
        found["workflow"] = [f"unknown: {', '.join(unknown)}"]
    for name, text in misshapen(conditions, CONDITIONS).items():
        found[name] = [text]
    for name, check in _CHECKS.items():
        if conditions.get(name) and name not in found:
            _note(found, name, check(conditions[name]))
    for name, check in _ROW_CHECKS.items():
        if conditions.get(name) and name not in found:
            found |= check(conditions[name])
    _note(found, "min_cost", _costs(conditions))
    for name, (least, most) in _WHOLE.items():
        if name in conditions and not _is_whole(conditions[name], least, most):
            found[name] = [f"A whole number from {least} to {most}."]
    if levels is not None:
        _note(found, "levels", _count(levels))
        for number, level in enumerate(levels[:LEVELS_MAX], start=1):
            _note(found, f"levels.{number}", _level(level, number))
    return found


def _note(found: Problems, name: str, texts: list[str]) -> None:
    if texts:
        found[name] = texts


def _is_whole(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _count(levels: Sequence[Mapping[str, Any]]) -> list[str]:
    if not levels:
        return ["A workflow needs at least one level: somebody has to be asked."]
    return [f"At most {LEVELS_MAX} levels."] if len(levels) > LEVELS_MAX else []


def _kinds(kinds: Iterable[str]) -> list[str]:
    return [f"There is no kind of action called {kind}." for kind in kinds if not registry.is_known(kind)]


def _risk_levels(levels: Iterable[str]) -> list[str]:
    return [f"{level} is not a level of risk." for level in levels if level not in LEVELS]


def _condition(text: str) -> list[str]:
    try:
        expressions.parse(text)
    except expressions.BadExpression as error:
        return [str(error)]
    return []


def _time_window(window: Mapping[str, Any]) -> list[str]:
    if set(window) - {"days", "from", "until"}:
        return ["A time window has days, from and until."]
    try:
        matching.in_window(window, now())
    except (ValueError, TypeError, AttributeError):
        return ["Give days such as mon, and times such as 18:00."]
    return []


def _agents(agents: Iterable[Any]) -> list[str]:
    return [] if all(_uuid(agent) for agent in agents) else ["The id of an agent."]


def _auto_rules(rows: Sequence[Mapping[str, Any]]) -> Problems:
    if len(rows) > RULES_MAX:
        return {"auto_rules": [f"At most {RULES_MAX} rules."]}
    found: Problems = {}
    ids = [row.get("id") for row in rows]
    for number, row in enumerate(rows, start=1):
        _note(found, f"auto_rules.{number}", _auto_rule(row, has_own_id=row.get("id") not in ids[: number - 1]))
    return found


def _auto_rule(row: Mapping[str, Any], *, has_own_id: bool) -> list[str]:
    try:
        rule = auto_rule_from(row)
    except (KeyError, ValueError, ArithmeticError, TypeError, AttributeError):
        return ["Each rule needs an id, a verdict, and its ceilings."]
    wrong = [] if has_own_id else ["Each rule has an id of its own."]
    if rule.verdict == "approve" and matching.asks_for_askers_facts(rule.condition):
        wrong.append("A rule that approves asks for no tags, channel or agent: those who ask can choose them.")
    return wrong + [f"{rule.id}: {text}" for text in shortcomings(rule)]


def _escalation(steps: Sequence[Mapping[str, Any]]) -> Problems:
    if len(steps) > STEPS_MAX:
        return {"escalation": [f"At most {STEPS_MAX} steps."]}
    found: Problems = {}
    for number, step in enumerate(steps, start=1):
        _note(found, f"escalation.{number}", _step(step, number))
    return found


def _step(step: Mapping[str, Any], number: int) -> list[str]:
    if not isinstance(step, Mapping) or set(step) - {"after_hours", "add", "replace", "repeat"}:
        return [f"Step {number}: after_hours, add or replace, and repeat."]
    given = [step.get("add") or [], step.get("replace") or []]
    if not all(isinstance(rows, list | tuple) for rows in given):
        return [f"Step {number}: add and replace are lists."]
    people = [row for rows in given for row in rows]
    wrong = [f"Step {number} asks nobody."] if not people else []
    if not _is_whole(step.get("after_hours"), 1, 24 * 365) or not _is_whole(step.get("repeat") or 0, 0, 20):
        wrong.append(f"Step {number}: after how many whole hours, and how often again?")
    return wrong + _unknown(people)


def _edit_policy(policy: Mapping[str, Any]) -> list[str]:
    known = {"fall_allows_fewer", "editor_may_vote"}
    plain = isinstance(policy, Mapping) and all(isinstance(value, bool) for value in policy.values())
    return [] if plain and set(policy) <= known else ["fall_allows_fewer and editor_may_vote, yes or no."]


def _currency(text: str) -> list[str]:
    return [] if len(text) == 3 and text.isalpha() and text.isupper() else ["Three letters, such as EUR."]


def _notify_by(channels: Iterable[str]) -> list[str]:
    known = [IN_APP, *notifiers.keys()]
    return [f"{name} is not a channel: {', '.join(known)}." for name in channels if name not in known]


_CHECKS: Final[dict[str, Any]] = {
    "notify_by": _notify_by,
    "kinds": _kinds,
    "risk_levels": _risk_levels,
    "condition": _condition,
    "time_window": _time_window,
    "agents": _agents,
    "edit_policy": _edit_policy,
    "currency": _currency,
}
_ROW_CHECKS: Final[dict[str, Any]] = {"auto_rules": _auto_rules, "escalation": _escalation}


def _costs(conditions: Mapping[str, Any]) -> list[str]:
    try:
        least, most = (_amount(conditions.get(name)) for name in ("min_cost", "max_cost"))
    except InvalidOperation:
        return ["An amount such as 1000 or 1000.00."]
    if least is not None and most is not None and least >= most:
        return ["The least amount is below the greatest."]
    return []


def _amount(value: Any) -> Decimal | None:
    if value is None or value == "":
        return None
    found = Decimal(str(value))
    if not found.is_finite() or not 0 <= found < MOST_AMOUNT:
        raise InvalidOperation
    return found


def _level(level: Mapping[str, Any], number: int) -> list[str]:
    wrong = list(misshapen(level, LEVEL).values()) if isinstance(level, Mapping) else ["A level is an object."]
    if wrong:
        return wrong
    problems = [f"unknown: {name}" for name in sorted(set(level) - LEVEL_FIELDS)]
    if level.get("mode", "any") not in ApprovalLevel.Mode.values:
        problems.append("unknown mode")
    if not _is_whole(level.get("quorum", 1), 1, 100) or not _is_whole(level.get("reject_threshold", 1), 1, 100):
        problems.append("quorum and reject threshold are at least 1")
    if not _is_whole(level.get("sla_hours", 8), 1, 24 * 365):
        problems.append("An answer is due within at least 1 hour.")
    if level.get("min_auth", "") not in AUTH_STRENGTH:
        problems.append("unknown strength of sign-in")
    if level.get("parallel") and number == 1:
        problems.append("The first level has none before it to open together with.")
    return problems + _editable(level) + _approvers(level) + _calendar(level.get("calendar_id"))


def _editable(level: Mapping[str, Any]) -> list[str]:
    """A field is one that some kind has; of one kind, one that this has."""
    fields = {kind: set(registry.get(kind).params_model.model_fields) for kind in registry.keys()}  # noqa: SIM118
    every = set().union(*fields.values())
    named = {name: name.rpartition(":") for name in level.get("editable_fields") or []}
    wrong = [
        entry
        for entry, (kind, colon, name) in named.items()
        if name not in (fields.get(kind, set()) if colon else every)
    ]
    return [f"editable_fields: there is no {entry}." for entry in wrong]


def _approvers(level: Mapping[str, Any]) -> list[str]:
    rows = level.get("approvers") or []
    if not rows:
        return ["nobody is asked"]
    problems = _unknown(rows)
    if level.get("mode") == "per_group" and any(row.get("type") != "group" for row in rows):
        problems.append("One of each group: choose groups only.")
    return problems


def _unknown(rows: Iterable[Any]) -> list[str]:
    return [f"unknown approver: {row}" for row in rows if not isinstance(row, Mapping) or not _is_approver(row)]


def _is_approver(row: Mapping[str, Any]) -> bool:
    kind, value = row.get("type"), str(row.get("value", ""))
    if kind == "role":
        return value in ROLES
    key = _uuid(value)
    if kind == "user" and key:
        return is_active_member(key)
    return kind == "group" and key is not None and bool(ApproverGroup.objects.filter(pk=key).exists())


def _calendar(calendar_id: Any) -> list[str]:
    if calendar_id is None:
        return []
    key = _uuid(calendar_id)
    known = key is not None and BusinessCalendar.objects.filter(pk=key).exists()
    return [] if known else ["There is no such calendar."]


def _uuid(value: Any) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None
