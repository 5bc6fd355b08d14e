"""What values of custom fields may be, and writing them for a contact or a conversation that is locked."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db.models import Q

from conversations import texts
from conversations.custom_fields import patterns
from conversations.custom_fields.selectors import fields_of, index_of, is_found_by_value
from conversations.models import CustomField, CustomValue
from core.clock import now
from core.errors import Invalid
from core.privacy.pii.addresses import MASKED

LIMIT: Final = 500
MOST: Final = 50
"""Fields that an organisation can have."""
LOCK: Final = "custom_fields"
"""Held shared while values are written, and alone while a field changes."""
Kind = CustomField.Kind
YES_OR_NO: Final = {"yes": "yes", "no": "no", "true": "yes", "false": "no"}
_NUMBER: Final = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{1,6})?")
_LINK: Final = URLValidator(schemes=("http", "https"))


def _read_text(field: CustomField, said: str) -> str:
    if field.pattern and not patterns.parse(field.pattern).fullmatch(said):
        raise ValueError(field.hint or f"This doesn't fit the pattern {field.pattern}.")
    return said


def _read_number(field: CustomField, said: str) -> str:
    if not _NUMBER.fullmatch(said):
        raise ValueError("Enter a number in plain digits, such as 12 or 900.50.")
    return f"{Decimal(said).normalize() + 0:f}"


def _read_date(field: CustomField, said: str) -> str:
    try:
        return date.fromisoformat(said).isoformat()
    except ValueError:
        raise ValueError("Enter a date as year, month and day, such as 2026-05-31.") from None


def _read_choice(field: CustomField, said: str) -> str:
    if said not in field.options:
        raise ValueError(f"Choose one of {', '.join(field.options[:20])}.")
    return said


def _read_checkbox(field: CustomField, said: str) -> str:
    if said.lower() not in YES_OR_NO:
        raise ValueError("Choose yes or no.")
    return YES_OR_NO[said.lower()]


def _read_link(field: CustomField, said: str) -> str:
    try:
        _LINK(said)
    except ValidationError:
        raise ValueError("Enter a whole address, such as https://example.com/orders/7.") from None
    return said


READERS: Final[Mapping[str, Callable[[CustomField, str], str]]] = {
    Kind.TEXT: _read_text,
    Kind.NUMBER: _read_number,
    Kind.DATE: _read_date,
    Kind.LIST: _read_choice,
    Kind.CHECKBOX: _read_checkbox,
    Kind.LINK: _read_link,
}
"""What returns the one form in which a value of a kind is stored, or raises ValueError."""


def text_of(field: CustomField, given: object) -> str:
    """Return what is stored of a value, "" for none.

    Raises ValueError with a sentence for who gave it.
    """
    if given is None:
        return ""
    if not isinstance(given, str | int | float | Decimal):
        raise ValueError("Give one plain value.")
    said = " ".join(texts.clean(str(given)).split())
    if len(said) > LIMIT:
        raise ValueError(f"Use at most {LIMIT} characters.")
    return READERS[field.kind](field, said) if said else ""


def read_values(subject: str, given: Mapping[str, Any]) -> dict[CustomField, str]:
    """Return what is stored of values by the keys of their fields. Raises `Invalid` with the keys that are wrong."""
    if not given:
        return {}
    if len(given) > MOST:
        raise Invalid(f"Name at most {MOST} custom fields.")
    # All of them are few: keys from outside, which may be no text for the database, aren't sent to it.
    fields = {field.key: field for field in fields_of(subject) if field.key in given}
    wrong: dict[str, list[str]] = {key[:30]: ["There is no such field."] for key in given.keys() - fields.keys()}
    found = {}
    for key, field in fields.items():
        try:
            found[field] = text_of(field, given[key])
        except ValueError as problem:
            wrong[key] = [str(problem)]
    if wrong:
        raise Invalid("Some of these values don't fit.", fields=wrong)
    return found


def with_values(subject: str, wanted: Mapping[str, Any], *, in_address: bool = False) -> Q:
    """Return the condition of contacts, or conversations, that have values, by the keys of their fields.

    Raises `Invalid` with the keys that are wrong: also for values that are personal and stand in an address, and for
    those that are too few to be looked for.
    """
    found = Q()
    for field, text in read_values(subject, wanted).items():
        problem = "" if text else "Say which value."
        if not is_found_by_value(field):
            problem = "Of personal data only texts and links are looked for."
        elif field.is_personal and in_address:
            problem = "Personal data doesn't belong in a URL. Send the search as POST."
        if problem:
            raise Invalid(problem, code="personal_data" if field.is_personal else "", fields={field.key: [problem]})
        rows = CustomValue.objects.filter(field=field, value_index=index_of(field, text))
        found &= Q(pk__in=rows.values(f"{subject}_id"))
    return found


def named_value(text: str) -> dict[str, str]:
    """Return a key and a value of a text such as `tier:Gold`, as an address names them; none of an empty one."""
    key, _, value = text.partition(":")
    return {key: value} if text else {}


def write_values(found: Mapping[CustomField, str], **whose: Any) -> list[str]:
    """Write values of a locked contact or conversation; return the ids of the fields that changed.

    Only what is named changes. An empty value is removed.
    """
    there = {row.field_id: row for row in CustomValue.objects.filter(field__in=list(found), **whose)}
    changed = []
    for field, text in found.items():
        row = there.get(field.pk)
        if text == (row.value if row else ""):
            continue
        changed.append(str(field.pk))
        if not text and row is not None:
            row.delete()
            continue
        row = row or CustomValue(field=field, **whose)
        row.value, row.text = text, MASKED if field.is_personal else text
        row.value_index, row.changed_at = index_of(field, text), now()
        row.save()
    return sorted(changed)
