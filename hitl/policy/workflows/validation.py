"""Check a workflow's definition, field by field, with messages for the person who writes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from accounts.permissions.roles import ROLES
from accounts.selectors import is_active_member
from core import expressions
from core.clock import now
from core.text.amounts import parse_amount
from hitl.actions import registry
from hitl.domain import matching
from hitl.domain.auto_rules import auto_rule_from, shortcomings
from hitl.domain.risk import LEVELS
from hitl.domain.strictness import AUTH_STRENGTH
from hitl.models import ApprovalLevel, ApproverGroup, BusinessCalendar
from hitl.notification_channels import IN_APP, notifiers

FIELDS: Final = frozenset(
    "description is_default priority kinds risk_levels min_cost max_cost currency agents channels "
    "contact_tags time_window condition expire_hours execute_within_hours auto_rules reminder_every_hours "
    "reminder_max edit_policy escalation allow_override distinct_approvers open_per_agent notify_by".split()
)
LEVEL_FIELDS: Final = frozenset(
    "name mode quorum reject_threshold approvers sla_hours calendar_id require_reason min_auth parallel "
    "editable_fields".split()
)
LEVELS_MAX: Final = 12
STEPS_MAX: Final = 10
RULES_MAX: Final = 30
ITEMS_MAX: Final = 100
AMOUNT_LIMIT: Final = Decimal(10) ** 14
HOURS_MAX: Final = 24 * 365
RANGES: Final = {
    "expire_hours": (1, HOURS_MAX),
    "execute_within_hours": (1, HOURS_MAX),
    "reminder_every_hours": (0, 24 * 30),
    "reminder_max": (0, 50),
    "open_per_agent": (1, 1000),
    "priority": (-1000, 1000),
}
Problems = dict[str, list[str]]
Test = Callable[[Any], bool]


def _is_text(most: int) -> Test:
    return lambda value: isinstance(value, str) and len(value) <= most and "\0" not in value


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_object(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_list(is_item: Test) -> Test:
    def is_list(value: Any) -> bool:
        is_plain = isinstance(value, Sequence) and not isinstance(value, str | bytes)
        return is_plain and len(value) <= ITEMS_MAX and all(is_item(item) for item in value)

    return is_list


def _is_whole(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


TEXTS: Final = "Must be a list of short texts."
OBJECTS: Final = "Must be a list of objects."
FLAG: Final = "Must be true or false."
CURRENCY: Final = "Enter a three-letter code such as EUR."
TIME_WINDOW: Final = "Use only days, from and until."
EDIT_POLICY: Final = "Use only fall_allows_fewer and editor_may_vote, each true or false."
MODE: Final = "Unknown mode. Use any, all, quorum or per_group."
SIGN_IN: Final = "Unknown sign-in strength."
CONDITION_TYPES: Final[dict[str, tuple[Test, str]]] = {
    "description": (_is_text(300), "Use at most 300 characters."),
    "is_default": (_is_flag, FLAG),
    "kinds": (_is_list(_is_text(60)), TEXTS),
    "risk_levels": (_is_list(_is_text(10)), TEXTS),
    "currency": (_is_text(3), CURRENCY),
    "agents": (_is_list(lambda value: isinstance(value, str | UUID)), "Must be a list of ids."),
    "channels": (_is_list(_is_text(20)), TEXTS),
    "contact_tags": (_is_list(_is_text(60)), TEXTS),
    "time_window": (_is_object, TIME_WINDOW),
    "condition": (_is_text(500), "Use at most 500 characters."),
    "auto_rules": (_is_list(_is_object), OBJECTS),
    "edit_policy": (_is_object, EDIT_POLICY),
    "escalation": (_is_list(_is_object), OBJECTS),
    "allow_override": (_is_flag, FLAG),
    "distinct_approvers": (_is_flag, FLAG),
    "notify_by": (_is_list(_is_text(20)), TEXTS),
}
LEVEL_TYPES: Final[dict[str, tuple[Test, str]]] = {
    "name": (_is_text(80), "name: use at most 80 characters."),
    "mode": (_is_text(10), MODE),
    "approvers": (_is_list(_is_object), "approvers: must be a list of objects with type and value."),
    "require_reason": (_is_flag, "require_reason: must be true or false."),
    "parallel": (_is_flag, "parallel: must be true or false."),
    "min_auth": (_is_text(10), SIGN_IN),
    "editable_fields": (_is_list(_is_text(60)), "editable_fields: must be a list of names."),
}


def _wrong_types(values: Mapping[str, Any], types: Mapping[str, tuple[Test, str]]) -> dict[str, str]:
    """Return what is of the wrong type or too long, by field, so that the checks can rely on types."""
    return {name: message for name, (fits, message) in types.items() if name in values and not fits(values[name])}


def problems_of(levels: Sequence[Mapping[str, Any]] | None, conditions: Mapping[str, Any]) -> Problems:
    """Return what is wrong, by field; `levels` is None if they don't change."""
    found: Problems = {name: [text] for name, text in _wrong_types(conditions, CONDITION_TYPES).items()}
    unknown = sorted(set(conditions) - FIELDS)
    if unknown:
        found["workflow"] = [f"Unknown fields: {', '.join(unknown)}."]
    for name, check in _CHECKS.items():
        if conditions.get(name) and name not in found:
            _note(found, name, check(conditions[name]))
    for name, check in _ROW_CHECKS.items():
        if conditions.get(name) and name not in found:
            found |= check(conditions[name])
    _note(found, "min_cost", _costs(conditions))
    for name, (least, most) in RANGES.items():
        if name in conditions and not _is_whole(conditions[name], least, most):
            found[name] = [f"Enter a whole number from {least} to {most}."]
    if levels is not None:
        if not levels:
            found["levels"] = ["Add at least one level, so that someone is asked to approve."]
        if len(levels) > LEVELS_MAX:
            found["levels"] = [f"You can add up to {LEVELS_MAX} levels."]
        for number, level in enumerate(levels[:LEVELS_MAX], start=1):
            _note(found, f"levels.{number}", _level(level, number))
    return found


def _note(found: Problems, name: str, texts: list[str]) -> None:
    if texts:
        found[name] = texts


def _kinds(kinds: Iterable[str]) -> list[str]:
    return [f"There is no action called {kind}." for kind in kinds if not registry.is_known(kind)]


def _risk_levels(levels: Iterable[str]) -> list[str]:
    return [f"{level} is not a risk level." for level in levels if level not in LEVELS]


def _condition(text: str) -> list[str]:
    try:
        expressions.parse(text)
    except expressions.BadExpression as error:
        return [str(error)]
    return []


def _time_window(window: Mapping[str, Any]) -> list[str]:
    if set(window) - {"days", "from", "until"}:
        return [TIME_WINDOW]
    try:
        matching.in_window(window, now())
    except (ValueError, TypeError, AttributeError):
        return ["Enter days such as mon and times such as 18:00."]
    return []


def _agents(agents: Iterable[Any]) -> list[str]:
    return [] if all(_uuid(agent) for agent in agents) else ["Enter ids of agents."]


def _auto_rules(rows: Sequence[Mapping[str, Any]]) -> Problems:
    if len(rows) > RULES_MAX:
        return {"auto_rules": [f"You can add up to {RULES_MAX} rules."]}
    found: Problems = {}
    ids = [row.get("id") for row in rows]
    for number, row in enumerate(rows, start=1):
        _note(found, f"auto_rules.{number}", _auto_rule(row, has_own_id=row.get("id") not in ids[: number - 1]))
    return found


def _auto_rule(row: Mapping[str, Any], *, has_own_id: bool) -> list[str]:
    try:
        rule = auto_rule_from(row)
    except (KeyError, ValueError, ArithmeticError, TypeError, AttributeError):
        return ["Each rule needs an id, a verdict and its limits."]
    wrong = [] if has_own_id else ["Another rule has the same name."]
    if rule.verdict == "approve" and matching.asks_for_askers_facts(rule.condition):
        wrong.append("A rule that approves can't use tags, channel or agent, because requesters can choose them.")
    return wrong + [f"{rule.id}: {text}" for text in shortcomings(rule)]


def _escalation(steps: Sequence[Mapping[str, Any]]) -> Problems:
    if len(steps) > STEPS_MAX:
        return {"escalation": [f"You can add up to {STEPS_MAX} steps."]}
    found: Problems = {}
    for number, step in enumerate(steps, start=1):
        _note(found, f"escalation.{number}", _step(step, number))
    return found


def _step(step: Mapping[str, Any], number: int) -> list[str]:
    if not isinstance(step, Mapping) or set(step) - {"after_hours", "add", "replace", "repeat"}:
        return [f"Step {number}: use only after_hours, add or replace, and repeat."]
    given = [step.get("add") or [], step.get("replace") or []]
    if not all(isinstance(rows, list | tuple) for rows in given):
        return [f"Step {number}: add and replace must be lists."]
    people = [row for rows in given for row in rows]
    wrong = [f"Step {number}: choose who to escalate to."] if not people else []
    if not _is_whole(step.get("after_hours"), 1, HOURS_MAX) or not _is_whole(step.get("repeat") or 0, 0, 20):
        wrong.append(f"Step {number}: enter 1 to {HOURS_MAX} whole hours and at most 20 repeats.")
    return wrong + _unknown(people)


def _edit_policy(policy: Mapping[str, Any]) -> list[str]:
    known = {"fall_allows_fewer", "editor_may_vote"}
    plain = isinstance(policy, Mapping) and all(isinstance(value, bool) for value in policy.values())
    return [] if plain and set(policy) <= known else [EDIT_POLICY]


def _currency(text: str) -> list[str]:
    return [] if len(text) == 3 and text.isalpha() and text.isupper() else [CURRENCY]


def _notify_by(channels: Iterable[str]) -> list[str]:
    known = [IN_APP, *notifiers.keys()]
    return [f"{name} is not a notification channel. Use {', '.join(known)}." for name in channels if name not in known]


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
    except ValueError:
        return ["Enter an amount such as 1000 or 1000.00."]
    if least is not None and most is not None and least >= most:
        return ["The lowest cost must be below the highest."]
    return []


def _amount(value: Any) -> Decimal | None:
    if value is None or value == "":
        return None
    found = parse_amount(value)
    if not 0 <= found < AMOUNT_LIMIT:
        raise ValueError("out of range")
    return found


def _level(level: Mapping[str, Any], number: int) -> list[str]:
    wrong = (
        list(_wrong_types(level, LEVEL_TYPES).values())
        if isinstance(level, Mapping)
        else ["A level must be an object."]
    )
    if wrong:
        return wrong
    problems = [f"Unknown field: {name}." for name in sorted(set(level) - LEVEL_FIELDS)]
    if level.get("mode", "any") not in ApprovalLevel.Mode.values:
        problems.append(MODE)
    if not _is_whole(level.get("quorum", 1), 1, 100) or not _is_whole(level.get("reject_threshold", 1), 1, 100):
        problems.append("Enter whole numbers from 1 to 100 for the approvals required and the rejections needed.")
    if not _is_whole(level.get("sla_hours", 8), 1, HOURS_MAX):
        problems.append(f"A decision must be due within 1 to {HOURS_MAX} hours.")
    if level.get("min_auth", "") not in AUTH_STRENGTH:
        problems.append(SIGN_IN)
    if level.get("parallel") and number == 1:
        problems.append("The first level can't start together with a previous one.")
    return problems + _editable(level) + _approvers(level) + _calendar(level.get("calendar_id"))


def _editable(level: Mapping[str, Any]) -> list[str]:
    """Refuse fields that no action has; in `kind:field`, those that this kind doesn't have."""
    fields = {kind: set(registry.get(kind).params_model.model_fields) for kind in registry.keys()}  # noqa: SIM118
    every = set().union(*fields.values())
    named = {name: name.rpartition(":") for name in level.get("editable_fields") or []}
    wrong = [
        entry
        for entry, (kind, colon, name) in named.items()
        if name not in (fields.get(kind, set()) if colon else every)
    ]
    return [f"editable_fields: there is no field {entry}." for entry in wrong]


def _approvers(level: Mapping[str, Any]) -> list[str]:
    rows = level.get("approvers") or []
    if not rows:
        return ["Choose at least one approver."]
    problems = _unknown(rows)
    if level.get("mode") == "per_group" and any(row.get("type") != "group" for row in rows):
        problems.append("To require one approval from each group, choose only groups.")
    return problems


def _unknown(rows: Iterable[Any]) -> list[str]:
    return [f"Unknown approver: {row}." for row in rows if not isinstance(row, Mapping) or not _is_approver(row)]


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
    return [] if known else ["This calendar doesn't exist."]


def _uuid(value: Any) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None
