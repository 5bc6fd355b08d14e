"""The condition of the workflow form as rows of fact, comparison and value."""

from collections.abc import Mapping
from typing import Any, Final

from django import forms

from core.expressions import NAMES, NUMBERS, BadExpression
from core.working_time import DAYS
from hitl.actions import registry
from hitl.domain.condition_rows import SIGNS, Row, check, rows_of, signs_of, text_of
from hitl.domain.risk import LEVELS
from hitl.policy.admin.workflow_form.fields import split
from hitl.policy.admin.workflow_form.layout import RowForm, RowFormSet, row_formset

ROWS_MAX: Final = 20
FACTS: Final = {
    "cost": "Cost", "currency": "Currency", "spent": "Requested in a day", "share": "Relative change (1 = doubled)",
    "reach": "People reached", "risk": "Risk (0 to 100)", "level": "Risk level", "kind": "Action",
    "tags": "Contact tags", "channel": "Channel", "agent": "Agent", "hour": "Hour (0 to 23)", "weekday": "Weekday",
}  # fmt: skip
SIGN_WORDS: Final = {
    ">": "is more than", ">=": "is at least", "<": "is less than", "<=": "is at most", "==": "is", "!=": "is not",
    "in": "is one of", "not in": "is none of", "has": "contain", "has not": "don't contain",
}  # fmt: skip
JOINS: Final = [("and", "All of these are true"), ("or", "At least one of these is true")]


def known_values() -> dict[str, list[tuple[str, str]]]:
    """Return the values of facts that have only some, with their names."""
    return {
        "level": [(level, level) for level in LEVELS],
        "weekday": [(day, day) for day in DAYS],
        "kind": list(registry.titles()),
    }


class ConditionRowForm(RowForm):
    """One comparison."""

    shown = (("fact", "sign", "value"),)

    fact = forms.ChoiceField(label="Fact", choices=[("", "Choose"), *FACTS.items()])
    sign = forms.ChoiceField(label="Comparison", choices=[(sign, SIGN_WORDS[sign]) for sign in SIGNS])
    value = forms.CharField(
        label="Value",
        max_length=300,
        help_text="Separate several values with commas.",
        widget=forms.TextInput(attrs={"data-value": ""}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["fact"].widget.attrs["data-fact"] = ""
        self.fields["sign"].widget.attrs["data-sign"] = ""

    def clean(self) -> dict[str, Any]:
        """Refuse what is no comparison, at the field that is wrong."""
        said: dict[str, Any] = super().clean() or {}
        if not {"fact", "sign", "value"} <= set(said) or self.is_draft:
            return said
        row = self._row(said)
        if row.sign not in signs_of(row.fact):
            allowed = ", ".join(SIGN_WORDS[sign] for sign in signs_of(row.fact))
            self.add_error("sign", f"Choose one of these for {FACTS[row.fact]}: {allowed}.")
            return said
        known = known_values().get(row.fact)
        wrong = [value for value in row.values if known and value not in dict(known)]
        if wrong and known:
            self.add_error("value", f"Choose from {', '.join(key for key, _ in known)}.")
            return said
        try:
            check(row)
        except BadExpression as problem:
            self.add_error("value", str(problem))
        return said

    @staticmethod
    def _row(said: Mapping[str, Any]) -> Row:
        text = str(said["value"]).strip()
        has_several = said["sign"] in ("in", "not in")
        return Row(said["fact"], said["sign"], tuple(split(text)) if has_several else (text,))

    def row(self) -> Row | None:
        """Return the comparison; None while it is not complete."""
        said = self.cleaned_data if self.is_bound else self.initial
        return self._row(said) if all(said.get(name) for name in ("fact", "sign", "value")) else None


class BaseConditionFormSet(RowFormSet):
    """All comparisons of a condition."""

    noun = "Comparison"
    intro = "If a fact is unknown for a request, a person must approve."
    error_field = "value"
    additions = {"": "Add comparison"}

    @classmethod
    def shown_as(cls, stored: Mapping[str, Any]) -> dict[str, Any]:
        return dict(stored)

    def clean(self) -> None:
        """Refuse a condition that is too long."""
        super().clean()
        if all(not form.errors for form in self.kept()):
            try:
                text_of("and", self._comparisons())
            except BadExpression as problem:
                raise forms.ValidationError(str(problem)) from None

    def text(self, join: str) -> str:
        """Return the condition; "" while the rows are none, which `clean` refuses."""
        try:
            return text_of(join, self._comparisons())
        except BadExpression:
            return ""

    def _comparisons(self) -> list[Row]:
        rows = [form.row() for form in self.kept() if isinstance(form, ConditionRowForm)]
        return [row for row in rows if row is not None]


ConditionFormSet = row_formset(ConditionRowForm, BaseConditionFormSet, ROWS_MAX)


def rows_shown(text: str) -> tuple[str, list[dict[str, Any]]] | None:
    """Return how a condition's rows are joined and what the form shows of them; None if only a text can say it."""
    try:
        found = rows_of(text)
    except BadExpression:
        return None
    if found is None or len(found[1]) > ROWS_MAX:
        return None
    join, rows = found
    return join, [{"fact": row.fact, "sign": row.sign, "value": ", ".join(row.values)} for row in rows]


def types_of_facts() -> dict[str, Any]:
    """Return for the page's script which comparisons and values each fact has."""
    known = known_values()
    return {
        fact: {
            "signs": list(signs_of(fact)),
            "values": [key for key, _ in known.get(fact, [])],
            "isNumber": fact in NUMBERS,
        }
        for fact in sorted(NAMES)
    }
