"""Sections of the workflow form, and what its rows offer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from console.conditions.row_forms import Fields, RowFormSet, is_used


@dataclass(frozen=True, slots=True)
class Choices:
    """What the rows of a form offer, read once for all of them; `stale` approvers can no longer approve."""

    approvers: Sequence[tuple[str, Sequence[tuple[str, str]]]] = ()
    stale: Mapping[str, str] | None = None
    calendars: Sequence[tuple[str, str]] = ()
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """One section of the form: fields in sight, rows that can be added, and fields that begin folded."""

    key: str
    title: str
    intro: str
    rows: Fields
    formset: RowFormSet | None = None
    folded: Fields | None = None
    folded_title: str = ""
    facts: RowFormSet | None = None
    """The rows of a condition."""

    def is_wrong(self) -> bool:
        """Return True if a field or a row has an error, or a row was just added: it is shown at once."""
        formsets = [formset for formset in (self.formset, self.facts) if formset is not None]
        if any(formset.is_touched() for formset in formsets):
            return True
        return any(field.errors for row in [*self.rows, *(self.folded or [])] for field in row)

    def is_fold_open(self) -> bool:
        """Return True if a folded field was filled in or has an error."""
        return is_used(self.folded or [])
