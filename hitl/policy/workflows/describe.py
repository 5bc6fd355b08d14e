"""Describe a workflow in one sentence that a person can check (pure)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from core import expressions
from core.expressions import Join, Literal, Name, Node, Not, Operand
from core.text.amounts import money_text
from core.working_time import DAYS

SIGNS: Final = {
    "==": "is", "!=": "is not", "<": "below", "<=": "at most", ">": "above", ">=": "of at least", "in": "one of",
}  # fmt: skip
NAMES: Final = {
    "risk": "risk", "level": "risk level", "spent": "spent in a day", "reach": "people reached", "share": "change",
}  # fmt: skip
AMOUNTS: Final = frozenset({"cost", "spent"})
DAY_NAMES: Final = dict(
    zip(DAYS, ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"), strict=True)
)
Label = Callable[[str, str], str]
"""Return the name of a person, role, group, agent or kind: `label("group", id)`."""


def sentence(workflow: Mapping[str, Any], levels: Sequence[Mapping[str, Any]], label: Label) -> str:
    """Return what a workflow covers and who approves.

    `workflow` and `levels` are what the services take; a level may have `calendar` instead of `calendar_id`.
    """
    rules = "".join(_rule(rule) for rule in workflow.get("auto_rules") or [])
    return f"{_covered(workflow, label)}: {approvers(workflow, levels, label)}{rules}"


def approvers(workflow: Mapping[str, Any], levels: Sequence[Mapping[str, Any]], label: Label) -> str:
    """Return only who approves, in which order and how soon. Works for a request's snapshot too."""
    if not levels:
        return "no approvers."
    text = ""
    for number, level in enumerate(levels):
        joint = "" if number == 0 else " and at the same time " if level.get("parallel") else ", then "
        text += f"{joint}{_who(level, label)}{_within(level)}"
    # Escalation waits by the calendar of the current level.
    is_work = all(level.get("calendar_id") or level.get("calendar") for level in levels)
    for number, step in enumerate(workflow.get("escalation") or []):
        text += _step(step, label, "working hour" if is_work else "hour", is_first=number == 0)
    apart = "; different people at each level" if workflow.get("distinct_approvers") and len(levels) > 1 else ""
    return f"{text}{apart}."


def covered(workflow: Mapping[str, Any], label: Label) -> str:
    """Return which requests a workflow covers."""
    return f"{_covered(workflow, label)}."


def steps_of(levels: Sequence[Mapping[str, Any]], label: Label) -> list[str]:
    """Return one line for each level, in order."""
    is_joint = [number > 0 and bool(level.get("parallel")) for number, level in enumerate(levels)]
    texts = [f"{_who(level, label)}{_within(level)}" for level in levels]
    return [
        f"{'At the same time: ' if joint else ''}{text if joint else text[:1].upper() + text[1:]}"
        for text, joint in zip(texts, is_joint, strict=True)
    ]


def escalation_of(workflow: Mapping[str, Any], label: Label) -> list[str]:
    steps = workflow.get("escalation") or []
    texts = [_step(step, label, "hour", is_first=number == 0)[2:] for number, step in enumerate(steps)]
    return [f"{text[:1].upper()}{text[1:]}" for text in texts]


def rules_of(workflow: Mapping[str, Any]) -> list[str]:
    return [_rule(rule).strip() for rule in workflow.get("auto_rules") or []]


def _covered(workflow: Mapping[str, Any], label: Label) -> str:
    if workflow.get("is_default"):
        return "Everything else"
    kinds = [label("kind", kind) for kind in workflow.get("kinds") or []]
    least, most = (_amount(workflow.get(name), workflow.get("currency")) for name in ("min_cost", "max_cost"))
    below = f"to below {most}" if least and most else f"below {most}" if most else ""
    parts = [listed(kinds, "or") if kinds else "Every action", f"from {least}" if least else "", below]
    if workflow.get("risk_levels"):
        parts.append(f"at {listed(workflow['risk_levels'], 'or')} risk")
    if workflow.get("agents"):
        parts.append(f"from {listed([label('agent', str(agent)) for agent in workflow['agents']], 'or')}")
    if workflow.get("channels"):
        parts.append(f"via {listed(workflow['channels'], 'or')}")
    if workflow.get("contact_tags"):
        parts.append(f"for contacts tagged {listed(workflow['contact_tags'], 'or')}")
    parts.append(_window(workflow.get("time_window") or {}))
    parts.append(_condition(workflow.get("condition") or ""))
    text = " ".join(part for part in parts if part)
    return f"{text[:1].upper()}{text[1:]}"


def _amount(value: Any, currency: Any) -> str:
    if value is None or value == "":
        return ""
    # Whole amounts in sentences are read without decimals.
    amount = Decimal(str(value))
    return money_text(amount, currency or "", places=0 if amount == amount.to_integral_value() else 2)


def _window(window: Mapping[str, Any]) -> str:
    days = [DAY_NAMES.get(day, day) for day in window.get("days") or []]
    begin, end = window.get("from"), window.get("until")
    hours = f"between {begin or '00:00'} and {end or '24:00'}" if begin or end else ""
    on = f"on {listed(days, 'or')}" if days else ""
    return " ".join(part for part in (on, hours) if part)


def _condition(text: str) -> str:
    if not text:
        return ""
    try:
        node = expressions.parse(text)
        return f"with {words_of(node, any_currency='currency' not in expressions.names_in(node))}"
    except expressions.BadExpression:
        return "with an invalid condition"


def words_of(node: Node, *, any_currency: bool) -> str:
    """Return a condition in words; `any_currency` if it doesn't name a currency."""
    if isinstance(node, Join):
        texts = [(words_of(part, any_currency=any_currency), isinstance(part, Join)) for part in node.parts]
        return f" {node.word} ".join(f"({text})" if is_joined else text for text, is_joined in texts)
    if isinstance(node, Not):
        return f"not ({words_of(node.part, any_currency=any_currency)})"
    is_amount = any(isinstance(side, Name) and side.name in AMOUNTS for side in (node.left, node.right))
    left, right = _side(node.left), _side(node.right)
    is_tag = node.sign == "in" and isinstance(node.right, Name)
    says = f"the contact tagged {left}" if is_tag else f"{left} {SIGNS[node.sign]} {right}"
    return f"{says}{' in any currency' if any_currency and is_amount else ''}"


def _side(side: Operand) -> str:
    if not isinstance(side, Literal):
        is_own = side.name.startswith(expressions.FIELD)
        return f"custom field {side.name[len(expressions.FIELD) :]}" if is_own else NAMES.get(side.name, side.name)
    values = side.value if isinstance(side.value, tuple) else (side.value,)
    return listed([_amount(value, "") if isinstance(value, Decimal) else str(value) for value in values], "or")


def _who(level: Mapping[str, Any], label: Label) -> str:
    people = [label(str(row["type"]), str(row["value"])) for row in level.get("approvers") or []]
    if not people:
        return "nobody"
    mode = level.get("mode", "any")
    if mode == "per_group":
        return f"one each of {listed(people)}"
    count = {"any": "one", "all": "all"}.get(mode, str(level.get("quorum", 1)))
    return f"{count} of {listed(people) if mode == 'all' else listed(people, 'or')}"


def _within(level: Mapping[str, Any]) -> str:
    hours = level.get("sla_hours", 8)
    working = "working " if level.get("calendar_id") or level.get("calendar") else ""
    return f" within {hours} {working}hour{'' if hours == 1 else 's'}"


def _step(step: Mapping[str, Any], label: Label, hour: str, *, is_first: bool) -> str:
    rows = step.get("replace") or step.get("add") or []
    people = listed([label(str(row["type"]), str(row["value"])) for row in rows]) or "nobody"
    added = f"{people} instead" if step.get("replace") else f"also {people}"
    count, again = step.get("after_hours"), int(step.get("repeat") or 0)
    wait = f"{count or 'some'} {hour}{'' if count == 1 else 's'}"
    times = f" (repeated {again} time{'' if again == 1 else 's'})" if again else ""
    return f", {f'after {wait}' if is_first else f'{wait} later'} {added}{times}"


def _rule(rule: Mapping[str, Any]) -> str:
    only = _condition(str(rule.get("condition") or ""))
    if rule.get("verdict") == "approve":
        amount = _amount(rule.get("max_cost"), rule.get("currency"))
        if not amount or rule.get("max_score") is None:
            return " An approval rule has no maximum cost or risk."
        limits = f"up to {amount} and risk {rule.get('max_score')}{f' {only}' if only else ''}{_at_most(rule)}"
        return f" Automatically approved {limits}."
    least = "" if rule.get("min_score") is None else f"from risk {rule['min_score']}"
    return f" Automatically rejected {' '.join(part for part in (least, only) if part) or 'in some cases'}."


def _at_most(rule: Mapping[str, Any]) -> str:
    """Return how often and for how much money a rule approves."""
    often = f"{rule['per_day']} a day" if rule.get("per_day") else ""
    money = ""
    if rule.get("window_amount") not in (None, ""):
        money = f"{_amount(rule['window_amount'], rule.get('currency'))} in {rule.get('window_hours') or 24} hours"
    parts = [part for part in (often, money) if part]
    whose = {"requester": " for each requester", "agent": " for each agent"}.get(str(rule.get("per") or ""), "")
    return f", at most {listed(parts)}{whose}" if parts else ""


def listed(words: Iterable[str], joint: str = "and") -> str:
    """Return words as a list in a sentence."""
    *first, last = list(words) or [""]
    return f"{', '.join(first)} {joint} {last}" if first else last
