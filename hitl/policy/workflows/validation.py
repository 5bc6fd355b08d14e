"""Check a workflow's definition, field by field, with messages for the person who writes it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from accounts.permissions.roles import ROLES, roles_here
from accounts.selectors import is_active_member
from core.clock import now
from core.text.amounts import parse_amount
from hitl.actions import own_fields, registry
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
            texts = check(conditions[name])
            found |= {name: texts} if texts else {}
    for name, (most, noun, check) in _ROW_CHECKS.items():
        if name not in found:
            rows = conditions.get(name) or ()
            too_many = {name: [f"You can add up to {most} {noun}."]}
            found |= too_many if len(rows) > most else _each(name, rows, check)
    if wrong := _costs(conditions):
        found["min_cost"] = wrong
    for name, (least, most) in RANGES.items():
        if name in conditions and not _is_whole(conditions[name], least, most):
            found[name] = [f"Enter a whole number from {least} to {most}."]
    if levels is not None:
        if not levels:
            found["levels"] = ["Add at least one level, so that someone is asked to approve."]
        if len(levels) > LEVELS_MAX:
            found["levels"] = [f"You can add up to {LEVELS_MAX} levels."]
        found |= _each("levels", levels[:LEVELS_MAX], _level)
    return found


def _each(name: str, rows: Sequence[Any], check: Callable[[Sequence[Any], int], list[str]]) -> Problems:
    """Return what is wrong with each row, by its number from 1."""
    found = {f"{name}.{number}": check(rows, number) for number in range(1, len(rows) + 1)}
    return {place: texts for place, texts in found.items() if texts}


def _condition(text: str) -> list[str]:
    problem = own_fields.problem_of(text)
    return [problem] if problem else []


def _time_window(window: Mapping[str, Any]) -> list[str]:
    if set(window) - {"days", "from", "until"}:
        return [TIME_WINDOW]
    try:
        matching.in_window(window, now())
    except (ValueError, TypeError, AttributeError):
        return ["Enter days such as mon and times such as 18:00."]
    return []


def _auto_rule(rows: Sequence[Mapping[str, Any]], number: int) -> list[str]:
    row, before = rows[number - 1], rows[: number - 1]
    try:
        rule = auto_rule_from(row)
    except (KeyError, ValueError, ArithmeticError, TypeError, AttributeError):
        return ["Each rule needs an id, a verdict and its limits."]
    wrong = ["Another rule has the same name."] if row.get("id") in [each.get("id") for each in before] else []
    if rule.verdict == "approve" and matching.asks_for_askers_facts(rule.condition):
        wrong.append(
            "A rule that approves can't use tags, channel, agent or custom fields, because requesters can choose them."
        )
    if rule.condition:
        wrong += [f"{rule.id}: {text}" for text in _condition(rule.condition)]
    return wrong + [f"{rule.id}: {text}" for text in shortcomings(rule)]


def _step(steps: Sequence[Mapping[str, Any]], number: int) -> list[str]:
    step = steps[number - 1]
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


def _notify_by(channels: Iterable[str]) -> list[str]:
    known = [IN_APP, *notifiers.keys()]
    return [f"{name} is not a notification channel. Use {', '.join(known)}." for name in channels if name not in known]


_CHECKS: Final[dict[str, Any]] = {
    "notify_by": _notify_by,
    "kinds": lambda kinds: [f"There is no action called {kind}." for kind in kinds if not registry.is_known(kind)],
    "risk_levels": lambda levels: [f"{level} is not a risk level." for level in levels if level not in LEVELS],
    "condition": _condition,
    "time_window": _time_window,
    "agents": lambda agents: [] if all(_uuid(agent) for agent in agents) else ["Enter ids of agents."],
    "edit_policy": _edit_policy,
    "currency": lambda text: [] if len(text) == 3 and text.isalpha() and text.isupper() else [CURRENCY],
}
_ROW_CHECKS: Final[dict[str, tuple[int, str, Any]]] = {
    "auto_rules": (RULES_MAX, "rules", _auto_rule),
    "escalation": (STEPS_MAX, "steps", _step),
}


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


def _level(levels: Sequence[Any], number: int) -> list[str]:
    level = levels[number - 1]
    if not isinstance(level, Mapping):
        return ["A level must be an object."]
    if wrong := list(_wrong_types(level, LEVEL_TYPES).values()):
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
    problems += _unknown_fields(level.get("editable_fields") or [])
    rows = level.get("approvers") or []
    problems += _unknown(rows) if rows else ["Choose at least one approver."]
    if level.get("mode") == "per_group" and any(row.get("type") != "group" for row in rows):
        problems.append("To require one approval from each group, choose only groups.")
    calendar_id = level.get("calendar_id")
    if calendar_id is not None and not BusinessCalendar.objects.filter(pk=_uuid(calendar_id)).exists():
        problems.append("This calendar doesn't exist.")
    return problems


def _unknown_fields(entries: Iterable[str]) -> list[str]:
    """Refuse fields that no action has; in `kind:field`, those that this kind doesn't have."""
    fields = {kind: set(registry.get(kind).params_model.model_fields) for kind in registry.keys()}  # noqa: SIM118
    known = {*set().union(*fields.values()), *(f"{kind}:{name}" for kind, names in fields.items() for name in names)}
    return [f"editable_fields: there is no field {entry}." for entry in dict.fromkeys(entries) if entry not in known]


def _unknown(rows: Iterable[Any]) -> list[str]:
    return [f"Unknown approver: {row}." for row in rows if not isinstance(row, Mapping) or not _is_approver(row)]


def _is_approver(row: Mapping[str, Any]) -> bool:
    kind, value = row.get("type"), str(row.get("value", ""))
    if kind == "role":
        return value in ROLES or value in roles_here()
    key = _uuid(value)
    if kind == "user" and key:
        return is_active_member(key)
    return kind == "group" and key is not None and bool(ApproverGroup.objects.filter(pk=key).exists())


def _uuid(value: Any) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None
