"""What a form of a definition was given that is no longer offered: it stays in sight and is named, never dropped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from django import forms

from accounts.selectors import names_of
from hitl.policy.labels import ROLE_NAMES

Choices = Sequence[tuple[str, str]]
NOBODY_KNOWN: Final = "Somebody who left"


def chosen_in(form: forms.Form, name: str) -> list[str]:
    """Return the values of a field that the form was filled with, and those that were posted."""
    found = [str(value) for value in form.initial.get(name) or ()]
    if form.is_bound:
        posted = form.data.getlist(name) if hasattr(form.data, "getlist") else form.data.get(name) or ()
        found += [str(value) for value in posted]
    return list(dict.fromkeys(found))


def strays_among(chosen: Iterable[str], offered: Iterable[str]) -> list[str]:
    """Return the chosen values that are not offered."""
    known = set(offered)
    return [value for value in chosen if value not in known]


def signers_lost(values: Iterable[str]) -> dict[str, str]:
    """Return the words for approvers (`user:<id>`, `role:…`, `group:<id>`) who cannot sign. At most one query."""
    pairs = [value.partition(":")[::2] for value in values]
    names = names_of(key for kind, text in pairs if kind == "user" and (key := uuid_in(text)))
    return {f"{kind}:{text}": _words(kind, text, names) for kind, text in pairs}


def uuid_in(text: str) -> UUID | None:
    """Return the id a text is, if it is one."""
    try:
        return UUID(text)
    except ValueError:
        return None


def _words(kind: str, text: str, names: dict[UUID, str]) -> str:
    if kind == "role":
        return ROLE_NAMES.get(text, text.replace("_", " ")[:40])
    if kind == "group":
        return "A deleted group"
    key = uuid_in(text)
    return NOBODY_KNOWN if key is None else names.get(key, NOBODY_KNOWN)


def complaint(who: str) -> str:
    """Say that somebody cannot sign, and the two ways out."""
    if who.startswith("A deleted"):
        return f"{who} signs nothing: take it off here."
    return f"{who} can no longer sign: take {who} off here, or give back the right to sign."


def keep_unknown(field: Any, chosen: Iterable[str]) -> None:
    """Offer what was chosen and is not known here as well: leaving it out would widen what is matched."""
    missing = strays_among(chosen, (value for value, _ in field.choices))
    field.choices = [*field.choices, *((value, f"{value} (not known here)") for value in missing)]


def with_strays(groups: Sequence[tuple[str, Choices]], lost: dict[str, str]) -> list[tuple[str, Choices]]:
    """Return the groups of choices with one more: those who cannot sign any more."""
    rows = list(lost.items())
    return [*groups, *([("Can no longer sign", rows)] if rows else [])]
