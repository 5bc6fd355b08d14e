"""The automatic rules of the workflow form: each approves or rejects without a person."""

from collections.abc import Mapping
from typing import Any, Final

from django import forms

from console.conditions.row_forms import Names, RowForm, RowFormSet, row_formset
from hitl.domain.auto_rules import (
    AUTO_APPROVE_MAX_COST,
    AUTO_APPROVE_MAX_SCORE,
    AUTO_APPROVE_MONEY,
    AUTO_APPROVE_PER_DAY,
    DAY_HOURS,
    WINDOW_MAX_HOURS,
)
from hitl.policy.admin.workflow_form.fields import money, number, text
from hitl.policy.workflows.validation import RULES_MAX

LAYOUTS: Final[dict[str, Names]] = {
    "approve": (
        ("id",), ("max_cost", "currency", "max_score"), ("condition",), ("per_day", "window_amount", "window_hours"),
        ("per",),
    ),
    "reject": (("id",), ("min_score",), ("condition",)),
}  # fmt: skip
DOES: Final = {"approve": "approves automatically", "reject": "rejects automatically"}


def verdict_of(value: Any) -> str:
    """Return what a rule does: it approves unless it says that it rejects."""
    return "reject" if value == "reject" else "approve"


class RuleForm(RowForm):
    """One rule; it has the fields of what it does."""

    verdict = forms.CharField(required=False, widget=forms.HiddenInput)
    id = text("Rule name", "Shown on every request that this rule decides.", max_length=200, required=True)
    max_cost = money("Maximum cost", max_value=int(AUTO_APPROVE_MAX_COST), required=True)
    currency = text("Currency", "Leave empty for any currency.", max_length=3)
    max_score = number("Maximum risk", 0, AUTO_APPROVE_MAX_SCORE, required=True)
    min_score = number("Minimum risk", 0, 100)
    condition = text("Condition", max_length=500)
    per_day = number("Maximum requests per day", 1, AUTO_APPROVE_PER_DAY)
    window_amount = money("Maximum total amount", help_text="For example, 100 requests of 500 add up to 50,000.")
    window_hours = number(
        "Within (hours)", 1, WINDOW_MAX_HOURS, help_text=f"{DAY_HOURS} if empty. Maximum: {WINDOW_MAX_HOURS}."
    )
    per = forms.ChoiceField(
        label="Counted separately for",
        choices=[("kind", "Each action"), ("requester", "Each requester"), ("agent", "Each agent")],
        required=False,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.outcome = verdict_of(self["verdict"].value())
        self.shown = LAYOUTS[self.outcome]
        self.does = DOES[self.outcome]
        has = {"verdict", *(name for row in self.shown for name in row)}
        self.fields = {name: field for name, field in self.fields.items() if name in has}
        self.fields["condition"].help_text = (
            "A condition on its own is enough."
            if self.outcome == "reject"
            else "Like the condition above, but without tags, channel, agent and custom fields."
        )

    def changed_definition(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """Return the rule as the services take it; what the form does not show of a stored rule stays."""
        values = {name: said.get(name) for row in self.shown for name in row}
        values = {
            name: value if isinstance(value, int | str) else str(value)
            for name, value in values.items()
            if value not in (None, "")
        }
        if values.get("per") == "kind":
            del values["per"]
        if "currency" in values:
            values["currency"] = str(values["currency"]).upper()
        hidden = {name: value for name, value in (self.initial.get("stored") or {}).items() if name not in self.fields}
        return {**hidden, "verdict": self.outcome, **values}


class BaseRuleFormSet(RowFormSet):
    noun = "Rule"
    intro = (
        "Rules that reject are checked before rules that approve. No rule can approve a cost above "
        f"{AUTO_APPROVE_MAX_COST:,} or a risk above {AUTO_APPROVE_MAX_SCORE}. Together, rules approve at most "
        f"{AUTO_APPROVE_PER_DAY} requests and {AUTO_APPROVE_MONEY:,} per action and currency a day."
    )
    error_field = "id"
    additions = {"approve": "Add approval rule", "reject": "Add rejection rule"}

    def beginning(self, variant: str, number: int | str, currency: str) -> dict[str, str]:
        if variant == "reject":
            return {"verdict": "reject", "id": f"rejects-{number}"}
        return {"verdict": "approve", "id": f"approves-{number}", "currency": currency.upper(), "per": "kind"}

    @classmethod
    def shown_as(cls, stored: Mapping[str, Any]) -> dict[str, Any]:
        values = {name: field.to_python(stored.get(name)) for name, field in RuleForm.base_fields.items()}
        return {**values, "verdict": verdict_of(stored.get("verdict")), "per": stored.get("per") or "kind"}


RuleFormSet = row_formset(RuleForm, BaseRuleFormSet, RULES_MAX)
