"""A condition as rows of fact, comparison and value, in a form; its text stays possible."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final

from django import forms

from console.conditions.row_forms import Names, RowForm, RowFormSet
from console.conditions.rows import SIGNS, Row, check, rows_of, signs_of, text_of
from core.expressions import BadExpression, Vocabulary

ROWS_MAX: Final = 20
PREFIX: Final = "facts"
"""The prefix of the rows."""
SIGN_WORDS: Final = {
    ">": "is more than", ">=": "is at least", "<": "is less than", "<=": "is at most", "==": "is", "!=": "is not",
    "in": "is one of", "not in": "is none of", "has": "contain", "has not": "don't contain",
}  # fmt: skip
JOINS: Final = [("and", "All of these are true"), ("or", "At least one of these is true")]
WAYS: Final = [("rows", "Choose facts and values"), ("text", "Write it as an expression")]


def way_field() -> forms.ChoiceField:
    """Return the field by which a person chooses rows or a text."""
    return forms.ChoiceField(label="How to write the condition", choices=WAYS, widget=forms.RadioSelect, required=False)


def join_field() -> forms.ChoiceField:
    """Return the field that says how rows are joined."""
    return forms.ChoiceField(label="The condition is met if", choices=JOINS, required=False)


class ConditionRowForm(RowForm):
    """One comparison. Subclasses say of which facts, by their label, and which values some have."""

    shown: Names = (("fact", "sign", "value"),)
    several: ClassVar[bool] = True

    fact = forms.ChoiceField(label="Fact")
    sign = forms.ChoiceField(label="Comparison")
    value = forms.CharField(label="Value", max_length=300, widget=forms.TextInput(attrs={"data-value": ""}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["fact"].choices = [("", "Choose"), *self.facts()]  # type: ignore[attr-defined]
        self.fields["fact"].widget.attrs["data-fact"] = ""
        self.fields["sign"].choices = [  # type: ignore[attr-defined]
            (sign, SIGN_WORDS[sign]) for sign in SIGNS if self.several or (len(sign) < 3 and sign != "in")
        ]
        self.fields["sign"].widget.attrs["data-sign"] = ""

    @classmethod
    def vocabulary(cls) -> Vocabulary:
        """Return what conditions may use."""
        raise NotImplementedError

    def facts(self) -> Sequence[tuple[str, Any]]:
        """Return the facts to choose from, or groups of them."""
        raise NotImplementedError

    def known_values(self, fact: str) -> Mapping[str, str]:
        """Return the values of a fact that has only some, with their names."""
        return {}

    def clean(self) -> dict[str, Any]:
        """Refuse what is no comparison, at the field that is wrong."""
        said: dict[str, Any] = super().clean() or {}
        if not {"fact", "sign", "value"} <= set(said) or self.is_draft or self.errors:
            return said
        row = self.read(said)
        allowed = signs_of(row.fact, self.vocabulary())
        if row.sign not in allowed:
            self.add_error("sign", f"Choose one of these: {', '.join(SIGN_WORDS[sign] for sign in allowed)}.")
            return said
        known = self.known_values(row.fact)
        if known and any(value not in known for value in row.values):
            self.add_error("value", f"Choose from {', '.join(known)}.")
            return said
        try:
            check(row, self.vocabulary())
        except BadExpression as problem:
            self.add_error("value", str(problem))
        return said

    def read(self, said: Mapping[str, Any]) -> Row:
        """Return what was filled in as a comparison."""
        text = str(said["value"]).strip()
        several = [word.strip() for word in text.split(",") if word.strip()]
        return Row(str(said["fact"]), said["sign"], tuple(several) if said["sign"] in ("in", "not in") else (text,))

    def row(self) -> Row | None:
        """Return the comparison; None while it is not complete."""
        said = self.cleaned_data if self.is_bound else self.initial
        return self.read(said) if all(said.get(name) for name in ("fact", "sign", "value")) else None


class ConditionRows(RowFormSet):
    """All comparisons of a condition."""

    noun = "Comparison"
    intro = ""
    error_field = "value"
    additions: ClassVar[Mapping[str, str]] = {"": "Add comparison"}

    @classmethod
    def shown_as(cls, stored: Mapping[str, Any]) -> dict[str, Any]:
        return dict(stored)

    def clean(self) -> None:
        """Refuse a condition that is too long."""
        super().clean()
        if all(not form.errors for form in self.kept()):
            try:
                text_of("and", self._comparisons(), self.form.vocabulary())
            except BadExpression as problem:
                raise forms.ValidationError(str(problem)) from None

    def text(self, join: str) -> str:
        """Return the condition; "" while the rows are none, which `clean` refuses."""
        try:
            return text_of(join, self._comparisons(), self.form.vocabulary())
        except BadExpression:
            return ""

    def _comparisons(self) -> list[Row]:
        rows = [form.row() for form in self.kept() if isinstance(form, ConditionRowForm)]
        return [row for row in rows if row is not None]


def shown_of(row: Row) -> dict[str, Any]:
    """Return what a row of the form shows of a comparison."""
    return {"fact": row.fact, "sign": row.sign, "value": ", ".join(row.values)}


def rows_shown(
    text: str, vocabulary: Vocabulary, shown: Callable[[Row], dict[str, Any] | None] = shown_of
) -> tuple[str, list[dict[str, Any]]] | None:
    """Return how a condition's rows are joined and what the form shows of them; None if only a text can say it."""
    try:
        found = rows_of(text, vocabulary)
    except BadExpression:
        return None
    if found is None or len(found[1]) > ROWS_MAX:
        return None
    rows = [shown(row) for row in found[1]]
    kept = [row for row in rows if row is not None]
    return (found[0], kept) if len(kept) == len(rows) else None
