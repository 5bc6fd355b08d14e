"""Fields that the workflow form has several times."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms

from console.base.forms import AmountField


def text(label: str, help_text: str = "", **options: Any) -> forms.CharField:
    return forms.CharField(label=label, help_text=help_text, **{"required": False, **options})


def number(label: str, least: int, most: int, **options: Any) -> forms.IntegerField:
    return forms.IntegerField(label=label, min_value=least, max_value=most, **{"required": False, **options})


def money(label: str, **options: Any) -> AmountField:
    return AmountField(label=label, min_value=0, decimal_places=2, **{"required": False, **options})


def checkboxes(label: str, choices: Any = ()) -> forms.MultipleChoiceField:
    """Return a field in which any number of choices can be ticked."""
    return forms.MultipleChoiceField(label=label, choices=choices, required=False, widget=forms.CheckboxSelectMultiple)


def approvers_in(values: Iterable[str]) -> list[dict[str, str]]:
    """Return the approvers that checked values such as `role:owner` stand for."""
    return [dict(zip(("type", "value"), value.split(":", 1), strict=True)) for value in values]


def values_of(approvers: Iterable[Mapping[str, str]]) -> list[str]:
    """Return the values of checkboxes for approvers."""
    return [f"{row['type']}:{row['value']}" for row in approvers]


def split(text: str | None) -> list[str]:
    """Return the words between the commas."""
    return [word.strip() for word in (text or "").split(",") if word.strip()]
