"""Stored choices that are no longer offered: they stay visible and are named, never dropped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django import forms

from accounts.permissions.roles import OWN, name_of_role
from accounts.selectors import names_of
from hitl.policy.workflows.labels import ROLE_NAMES

if TYPE_CHECKING:
    from console.conditions.row_forms import RowForm

Choices = Sequence[tuple[str, str]]
FORMER_MEMBER: Final = "A former member"
DELETED_GROUP: Final = "A deleted group"


def chosen_in(form: forms.Form, name: str) -> list[str]:
    """Return the values of a field, both initial and posted."""
    found = [str(value) for value in form.initial.get(name) or ()]
    if form.is_bound:
        found += posted_in(form.data, name)
    return list(dict.fromkeys(found))


def posted_in(data: Any, name: str) -> list[str]:
    return [str(value) for value in (data.getlist(name) if hasattr(data, "getlist") else data.get(name) or ())]


def stale_among(chosen: Iterable[str], offered: Iterable[str]) -> list[str]:
    known = set(offered)
    return [value for value in chosen if value not in known]


def stale_approvers(values: Iterable[str]) -> dict[str, str]:
    """Return the names of approvers who can't approve. By `user:<id>`, `role:…` or `group:<id>`.

    At most one query, and one for each own role.
    """
    pairs = [value.partition(":")[::2] for value in values]
    names = names_of(key for kind, text in pairs if kind == "user" and (key := uuid_in(text)))
    found = {}
    for kind, text in pairs:
        if kind == "role":
            name = ROLE_NAMES.get(text) or (name_of_role(text) if text.startswith(OWN) else text.replace("_", " ")[:40])
        elif kind == "group":
            name = DELETED_GROUP
        else:
            key = uuid_in(text)
            name = FORMER_MEMBER if key is None else names.get(key, FORMER_MEMBER)
        found[f"{kind}:{text}"] = name
    return found


def uuid_in(text: str) -> UUID | None:
    """Return the id that a text is, or None."""
    try:
        return UUID(text)
    except ValueError:
        return None


def refuse_stale(form: RowForm, name: str) -> list[str]:
    """Return the chosen approvers of a row. Raises ValidationError that names those who can't approve."""
    chosen: list[str] = form.cleaned_data[name]
    stale = form.choices.stale or {}
    names = [stale[value] for value in chosen if value in stale]
    if names and not form.is_draft:
        raise forms.ValidationError(
            [
                "A deleted group can't approve. Remove it here."
                if who == DELETED_GROUP
                else f"{who} can no longer approve. Remove {who} here, or restore the permission to approve."
                for who in names
            ]
        )
    return chosen


def keep_unknown(field: Any, chosen: Iterable[str]) -> None:
    """Offer unknown chosen values as well: dropping one would make the workflow match more."""
    missing = stale_among(chosen, (value for value, _ in field.choices))
    field.choices = [*field.choices, *((value, f"{value} (unknown)") for value in missing)]


def with_stale(groups: Sequence[tuple[str, Choices]], stale: dict[str, str]) -> list[tuple[str, Choices]]:
    """Return the groups of choices with one more: people who can no longer approve."""
    rows = list(stale.items())
    return [*groups, *([("Can no longer approve", rows)] if rows else [])]
