"""The rules of a workflow that decide alone as its form holds them, one row each: it approves, or it rejects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django import forms

from hitl.admin.policy.workflow_form.levels import number, words
from hitl.domain.auto_rules import (
    AUTO_APPROVE_MAX_COST,
    AUTO_APPROVE_MAX_SCORE,
    AUTO_APPROVE_MONEY,
    AUTO_APPROVE_PER_DAY,
    DAY_HOURS,
    WINDOW_MAX_HOURS,
)

DOES: Final = {"approve": "approves alone", "reject": "rejects alone"}
ROWS: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "approve": (
        ("id",), ("max_cost", "currency", "max_score"), ("condition",), ("per_day", "window_amount", "window_hours"),
        ("per",),
    ),
    "reject": (("id",), ("min_score",), ("condition",)),
}  # fmt: skip
PER: Final = [("kind", "all requests of the kind"), ("requester", "each requester"), ("agent", "each agent")]
CEILINGS: Final = (
    f"No rule goes above a cost of {AUTO_APPROVE_MAX_COST:,} and a risk of {AUTO_APPROVE_MAX_SCORE}; all together "
    f"approve at most {AUTO_APPROVE_PER_DAY} requests and {AUTO_APPROVE_MONEY:,} of one kind and currency in a day."
)


def _money(label: str, **options: Any) -> forms.DecimalField:
    return forms.DecimalField(label=label, min_value=0, decimal_places=2, **{"required": False, **options})


def fields_of(verdict: str) -> dict[str, forms.Field]:
    """Return the fields of a rule by name."""
    called = words(
        "What this rule is called", "Stands with each request that it decides.", max_length=200, required=True
    )
    common = {"verdict": forms.CharField(required=False, widget=forms.HiddenInput, initial=verdict), "id": called}
    return {**common, **(_rejecting() if verdict == "reject" else _approving())}


def _approving() -> dict[str, forms.Field]:
    window = f"As {DAY_HOURS} hours unless said otherwise, up to {WINDOW_MAX_HOURS}."
    return {
        "max_cost": _money("Up to this cost", max_value=int(AUTO_APPROVE_MAX_COST), required=True),
        "currency": words("In this currency", "Left empty: in any.", max_length=3),
        "max_score": number("And up to this risk", 0, AUTO_APPROVE_MAX_SCORE, required=True),
        "condition": words("And only if", "Like the condition above, without tags, channel and agent.", max_length=500),
        "per_day": number("At most so many a day", 1, AUTO_APPROVE_PER_DAY),
        "window_amount": _money("At most so much money", help_text="Added up: 100 times 500 is 50,000."),
        "window_hours": number("… within so many hours", 1, WINDOW_MAX_HOURS, help_text=window),
        "per": forms.ChoiceField(label="Added up for", choices=PER, required=False),
    }


def _rejecting() -> dict[str, forms.Field]:
    return {
        "min_score": number("From this risk on", 0, 100),
        "condition": words("And only if", "A condition alone is enough.", max_length=500),
    }


def begin(at: int | str, verdict: str, currency: str) -> dict[str, str]:
    """Return what a new rule is filled with, as a browser sends it."""
    if verdict == "reject":
        return {"verdict": "reject", "id": f"rejects-{at}"}
    return {"verdict": "approve", "id": f"approves-{at}", "currency": currency.upper(), "per": "kind"}


def rule_of(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return a rule as the services take it."""
    verdict = "reject" if said.get("verdict") == "reject" else "approve"
    values = {name: _plain(said.get(name)) for row in ROWS[verdict] for name in row}
    if values.get("per") == "kind":
        del values["per"]
    if values.get("currency"):
        values["currency"] = values["currency"].upper()
    return {"verdict": verdict, **{name: value for name, value in values.items() if value not in (None, "")}}


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, int | str) else str(value)


def shown(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the form shows of a rule."""
    verdict = "reject" if rule.get("verdict") == "reject" else "approve"
    return {"verdict": verdict, **{name: rule.get(name) for row in ROWS[verdict] for name in row}}


def unseen(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a rule says that the form does not show."""
    return {name: value for name, value in rule.items() if name not in shown(rule)}
