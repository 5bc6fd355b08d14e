"""The rules of a workflow that decide alone as its form holds them: one that approves, one that rejects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django import forms

from hitl.automation import (
    AUTO_APPROVE_MAX_COST,
    AUTO_APPROVE_MAX_SCORE,
    AUTO_APPROVE_MONEY,
    AUTO_APPROVE_PER_DAY,
    DAY_HOURS,
    WINDOW_MAX_HOURS,
)

APPROVE_ID: Final = "approves-small"
REJECT_ID: Final = "rejects-risky"
PER: Final = [("kind", "all requests of the kind"), ("requester", "each requester"), ("agent", "each agent")]
ROWS: Final = (
    ("auto_cost", "auto_score"), ("auto_condition",), ("auto_per_day", "auto_money", "auto_hours"), ("auto_per",),
    ("auto_reject_score", "auto_reject_condition"),
)  # fmt: skip
_SHOWN: Final = {
    "auto_cost": "max_cost", "auto_score": "max_score", "auto_condition": "condition", "auto_per_day": "per_day",
    "auto_money": "window_amount", "auto_hours": "window_hours", "auto_per": "per",
}  # fmt: skip
CEILINGS: Final = (
    f"No rule goes above a cost of {AUTO_APPROVE_MAX_COST:,} and a risk of {AUTO_APPROVE_MAX_SCORE}; all together "
    f"approve at most {AUTO_APPROVE_PER_DAY} requests and {AUTO_APPROVE_MONEY:,} of one kind and currency in a day."
)


def _number(label: str, least: int, most: int, **options: Any) -> forms.IntegerField:
    return forms.IntegerField(label=label, min_value=least, max_value=most, required=False, **options)


def _money(label: str, **options: Any) -> forms.DecimalField:
    return forms.DecimalField(label=label, required=False, min_value=0, decimal_places=2, **options)


def _condition(label: str, help_text: str) -> forms.CharField:
    return forms.CharField(label=label, help_text=help_text, required=False, max_length=500)


def fields_of() -> dict[str, forms.Field]:
    """Return the fields of both rules by name."""
    cost = int(AUTO_APPROVE_MAX_COST)
    window = f"As {DAY_HOURS} hours unless said otherwise, up to {WINDOW_MAX_HOURS}."
    return {
        "auto_cost": _money("Approves by itself up to this cost", max_value=cost, help_text=CEILINGS),
        "auto_score": _number("… and up to this risk", 0, AUTO_APPROVE_MAX_SCORE),
        "auto_condition": _condition("… and only if", "Like the condition above, without tags, channel and agent."),
        "auto_per_day": _number("At most so many a day", 1, AUTO_APPROVE_PER_DAY),
        "auto_money": _money("At most so much money", help_text="Added up: 100 times 500 is 50,000."),
        "auto_hours": _number("… within so many hours", 1, WINDOW_MAX_HOURS, help_text=window),
        "auto_per": forms.ChoiceField(label="Added up for", choices=PER, required=False),
        "auto_reject_score": _number("Rejects by itself from this risk on", 1, 100),
        "auto_reject_condition": _condition("… if", "A condition alone is enough."),
    }


def rules_of(said: Mapping[str, Any], known: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the rules as the services take them; other rules than the form's two stay."""
    rules = [dict(rule) for rule in known if rule.get("id") not in (APPROVE_ID, REJECT_ID)]
    if said.get("auto_reject_score") or said.get("auto_reject_condition"):
        wanted = {"min_score": said.get("auto_reject_score"), "condition": said.get("auto_reject_condition")}
        rules.append({"id": REJECT_ID, "verdict": "reject", **{key: value for key, value in wanted.items() if value}})
    if said.get("auto_cost") is None and said.get("auto_score") is None:
        return rules
    currency = (said.get("currency") or "").upper()
    approving = {key: _plain(said.get(name)) for name, key in _SHOWN.items()} | {"currency": currency}
    kept = {key: value for key, value in approving.items() if value not in (None, "")}
    if kept.get("per") == "kind":
        del kept["per"]
    return [*rules, {"id": APPROVE_ID, "verdict": "approve", **kept}]


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, int | str) else str(value)


def initial_of(rules: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what the form shows of the rules."""
    found = {rule.get("id"): rule for rule in rules}
    approving, rejecting = found.get(APPROVE_ID, {}), found.get(REJECT_ID, {})
    return {
        **{name: approving.get(key) for name, key in _SHOWN.items()},
        "auto_per": approving.get("per", "kind"),
        "auto_reject_score": rejecting.get("min_score"),
        "auto_reject_condition": rejecting.get("condition", ""),
    }
