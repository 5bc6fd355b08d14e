"""Rows of a form that people add and remove, with and without a script."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, TypeVar, cast

from django import forms
from django.forms.boundfield import BoundField
from django.forms.formsets import DELETION_FIELD_NAME, TOTAL_FORM_COUNT, BaseFormSet
from django.http import QueryDict

from console.base.forms import RENDERER, ConsoleForm

ADD: Final = "add_row"
REMOVE: Final = "remove_row"
SPARE_ROWS: Final = 100
"""How many rows may be added and removed again before the form has to be saved: removed rows keep their numbers."""
Names = tuple[tuple[str, ...], ...]
Fields = list[list[BoundField]]


@dataclass(frozen=True, slots=True)
class Offered:
    """What the rows of a form offer, read once for all of them; forms with more to offer have a class of their own."""

    currency: str = ""


T = TypeVar("T", bound="RowFormSet")


class RowForm(ConsoleForm):
    """One row.

    `initial` holds the stored row under "stored" beside the values shown. `is_draft` accepts what is not
    filled in yet, `is_locked` only shows the row.
    """

    shown: Names = ()
    folded: Names = ()
    choices: Any
    """What the form offers."""
    does = ""
    """What stands beside the row's number."""

    def __init__(
        self,
        *args: Any,
        choices: Any = None,
        is_redrawn: bool = False,
        is_draft: bool = False,
        is_locked: bool = False,
        **kwargs: Any,
    ) -> None:
        self.choices, self.is_redrawn, self.is_draft = choices or Offered(), is_redrawn, is_draft
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.disabled = is_locked
            field.required = field.required and not is_draft

    def definition(self) -> dict[str, Any]:
        """Return the row as the services take it; an unchanged row stays exactly as it was stored."""
        stored = self.initial.get("stored")
        if stored is not None and not (self.is_bound and self.has_changed()):
            return dict(stored)
        return self.changed_definition(self.cleaned_data)

    def changed_definition(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """Return what was filled in as the services take it."""
        raise NotImplementedError

    def rows(self) -> Fields:
        """Return the rows of fields in sight."""
        return lay_out(self, self.shown)

    def folded_rows(self) -> Fields:
        """Return the rows of fields that begin folded."""
        return lay_out(self, self.folded)

    def is_fold_open(self) -> bool:
        """Return True if a folded field was filled in or has an error."""
        return is_used(self.folded_rows())


class RowFormSet(BaseFormSet):  # type: ignore[type-arg]
    """Rows that people add and remove, with and without a script."""

    deletion_widget = forms.HiddenInput
    noun: ClassVar[str]
    intro: ClassVar[str]
    error_field: ClassVar[str]
    additions: ClassVar[Mapping[str, str]]
    """Labels of the buttons that add a row, by the variant of the row."""
    added = ""
    is_locked = False

    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        """Check every row: one that was added is meant, even if it is empty."""
        return {**super().get_form_kwargs(index), "empty_permitted": False, "use_required_attribute": True}

    @classmethod
    def shown_as(cls, stored: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the form shows of a stored row."""
        raise NotImplementedError

    def beginning(self, variant: str, number: int | str, currency: str) -> dict[str, str]:
        """Return what a new row is filled with, beside the initial values of its fields."""
        return {}

    def is_removed(self, index: int) -> bool:
        """Return True if the row was marked for removal."""
        return self.data.get(f"{self.add_prefix(index)}-{DELETION_FIELD_NAME}") == "on"

    def kept(self) -> list[RowForm]:
        """Return the rows that were not removed, in order."""
        return [form for index, form in enumerate(self.forms) if not self.is_removed(index)]

    def removed(self) -> list[RowForm]:
        """Return the rows that were removed; they keep their numbers until the form is saved."""
        return [form for index, form in enumerate(self.forms) if self.is_removed(index)]

    def is_full(self) -> bool:
        """Return True if no row can be added."""
        indexes = range(self.total_form_count())
        return sum(not self.is_removed(index) for index in indexes) >= self.max_num

    def clean(self) -> None:
        """Refuse too many rows; removed ones don't count, even if another row has an error."""
        if len(self.kept()) > self.max_num:
            raise forms.ValidationError(f"You can add up to {self.max_num} {self.noun.lower()}s.")

    def definitions(self) -> list[dict[str, Any]]:
        """Return the rows as the services take them."""
        return [form.definition() for form in self.kept()]

    def add_row(self, variant: str) -> str:
        """Append a new row to the data that was sent. Return its prefix, "" if the form is full."""
        if self.is_full() or variant not in self.additions or not isinstance(self.data, QueryDict):
            return ""
        index = self.total_form_count()
        prefix = self.add_prefix(index)
        self.data[f"{self.prefix}-{TOTAL_FORM_COUNT}"] = str(index + 1)
        begin = {name: field.initial for name, field in self.form.base_fields.items() if field.initial is not None}
        begin |= self.beginning(variant, index + 1, self.data.get("currency") or "")
        self.data.update({f"{prefix}-{name}": str(value) for name, value in begin.items()})
        return str(prefix)

    def offers(self) -> list[tuple[str, str, RowForm]]:
        """Return the value and label of each button that adds a row, and an empty row for a script to copy."""
        return [] if self.is_locked else [self._offer(variant) for variant in self.additions]

    def _offer(self, variant: str) -> tuple[str, str, RowForm]:
        currency = self.form_kwargs["choices"].currency
        begin = self.beginning(variant, "__number__", currency)
        blank = self.form(
            initial=begin, auto_id=self.auto_id, prefix=self.add_prefix("__prefix__"), **self.get_form_kwargs(None)
        )
        self.add_fields(blank, None)
        return f"{self.prefix}-{variant}".removesuffix("-"), self.additions[variant], blank

    def complain(self, place: str, texts: Sequence[str]) -> None:
        """Put a service's complaint at a row, counted from 1, or at all of them."""
        rows = self.kept()
        if place.isdecimal() and 0 < int(place) <= len(rows):
            rows[int(place) - 1].add_error(self.error_field, list(texts))
        else:
            self.non_form_errors().extend(texts)

    def is_touched(self) -> bool:
        """Return True if a row has an error or was just added."""
        is_wrong = self.is_bound and (any(form.errors for form in self.kept()) or bool(self.non_form_errors()))
        return is_wrong or any(form.prefix == self.added for form in self.kept())

    def mistakes(self) -> list[tuple[str, str]]:
        """Return where on the page the mistakes are, and the title of each place."""
        found = [
            (form[name].id_for_label or f"row-{form.prefix}", f"{self.noun} {number}: {form[name].label}")
            for number, form in enumerate(self.kept(), start=1)
            for name in form.errors
        ]
        return found + [(f"rows-{self.prefix}", f"{self.noun}s")] * bool(self.non_form_errors())


def row_formset(form: type[RowForm], base: type[T], most: int) -> type[T]:
    """Return the formset of these rows, at most so many that were not removed."""
    made = forms.formset_factory(
        form, formset=base, renderer=RENDERER, extra=0, max_num=most, absolute_max=most + SPARE_ROWS, can_delete=True
    )
    return cast("type[T]", made)


def lay_out(form: forms.BaseForm, names: Names) -> Fields:
    """Return the fields that the form has, row by row."""
    rows = ([form[name] for name in row if name in form.fields] for row in names)
    return [row for row in rows if row]


def is_used(rows: Fields) -> bool:
    """Return True if a field was filled in or has an error."""
    values = ((field.value(), field.field.initial) for row in rows for field in row)
    is_filled = any(value not in (None, "", [], False) and str(value) != str(initial) for value, initial in values)
    return is_filled or any(field.errors for row in rows for field in row)


def with_changed_rows(data: QueryDict, formsets: Mapping[str, type[RowFormSet]]) -> tuple[QueryDict, str]:
    """Apply the buttons that add and remove rows. Return the new data and the prefix of an added row."""
    changed, added = data.copy(), ""
    for prefix in changed.pop(REMOVE, []):
        changed[f"{prefix}-DELETE"] = "on"
    for button in changed.pop(ADD, [])[:1]:
        prefix, _, variant = button.partition("-")
        if prefix in formsets:
            added = formsets[prefix](changed, prefix=prefix).add_row(variant)
    return changed, added
