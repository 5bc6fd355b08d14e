"""Form fields for the values of a kind of action: one for each."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from django import forms

from core.errors import Invalid
from hitl.actions import registry

VALUE: Final = "value_"
"""Before the names of values among a form's fields."""
SUGGESTIONS_MAX: Final = 12
"""How many known names an unknown one is answered with."""
_LONG: Final = 300


def value_fields(kind: str) -> dict[str, forms.CharField]:
    """Return a field for each value of a known kind, by its name in the form."""
    fields = registry.get(kind).params_model.model_fields
    return {VALUE + name: _value_field(name, field) for name, field in fields.items()}


def texts_of(params: Mapping[str, Any]) -> dict[str, str]:
    """Return values as their fields show them, by their names in the form."""
    return {VALUE + name: as_text(value) for name, value in params.items()}


def values_of(cleaned: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was filled in; the action says what is missing."""
    filled = {name: text for name, text in cleaned.items() if name.startswith(VALUE)}
    return {name.removeprefix(VALUE): _read(text) for name, text in filled.items() if text.strip()}


@contextmanager
def values_in_the_form() -> Iterator[None]:
    """Show the errors of an action's values at the form's fields."""
    try:
        yield
    except Invalid as error:
        problems = (error.facts.get("fields") or {}).items()
        known = [str(name) for name in error.facts.get("choices") or ()][:SUGGESTIONS_MAX]
        hint = [f"Choose from: {', '.join(known)}."] if known else []
        fields = {VALUE + name: [*texts, *hint] for name, texts in problems}
        raise Invalid(error.detail, code=error.code, fields=fields) from error


def as_text(value: Any) -> str:
    """Return a value as its field shows it."""
    return value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)


def _value_field(name: str, field: Any) -> forms.CharField:
    is_list = str(field.annotation).startswith(("list", "dict"))
    is_long = any((getattr(limit, "max_length", 0) or 0) > _LONG for limit in field.metadata)
    label = name.replace("_", " ").capitalize()
    return forms.CharField(
        label=label if field.is_required() else f"{label} (optional)",
        required=False,
        max_length=20_000,
        strip=False,
        help_text=field.description or ("As JSON." if is_list else ""),
        widget=forms.Textarea(attrs={"rows": 3}) if is_list or is_long else forms.TextInput(),
    )


def _read(text: str) -> Any:
    """Return lists and objects read as JSON; everything else stays text, which the action converts."""
    if not text.lstrip().startswith(("[", "{")):
        return text
    try:
        return json.loads(text, parse_float=str)
    except (ValueError, RecursionError):
        return text
