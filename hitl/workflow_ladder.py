"""The ladder of a workflow as its form holds it: whom each step asks, after how long, and how often again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from django import forms

STEPS_SHOWN: Final = 4
HOW: Final = [("add", "as well"), ("replace", "instead of those who did not answer")]
Rows = tuple[tuple[str, ...], ...]


def names_of_step(number: int) -> dict[str, str]:
    """Return the names of a step's fields by what they say; the first step has names of its own."""
    prefix = "escalate" if number == 1 else f"step{number}"
    return {what: f"{prefix}_{what}" for what in ("after", "to", "how", "repeat")}


ASKING: Final = tuple(names_of_step(number)["to"] for number in range(1, STEPS_SHOWN + 1))


def rows_of_step(number: int) -> Rows:
    """Return how a step is laid out."""
    name = names_of_step(number)
    return ((name["after"], name["how"], name["repeat"]), (name["to"],))


def fields_of(people: Any) -> Iterator[tuple[str, forms.Field]]:
    """Yield the fields of all steps by name; `people` are whom a step may ask."""
    for number in range(1, STEPS_SHOWN + 1):
        name = names_of_step(number)
        wait = "Ask more people after (hours)" if number == 1 else "so many hours after the one before"
        yield name["after"], _number(_label(number, wait), 1, 8760)
        yield name["how"], forms.ChoiceField(label=_label(number, "they sign"), choices=HOW, required=False)
        yield name["repeat"], _number(_label(number, "again so often"), 0, 20)
        ask = _label(number, "whom to ask then")
        boxes = forms.CheckboxSelectMultiple
        yield name["to"], forms.MultipleChoiceField(label=ask, choices=people, required=False, widget=boxes)


def _label(number: int, words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}" if number == 1 else f"Step {number}: {words}"


def _number(label: str, least: int, most: int) -> forms.IntegerField:
    return forms.IntegerField(label=label, min_value=least, max_value=most, required=False)


def steps_of(said: Mapping[str, Any], known: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the ladder as the services take it; steps beyond those that are shown stay."""
    filled = (_step(said, names_of_step(number)) for number in range(1, STEPS_SHOWN + 1))
    return [*filter(None, filled), *(dict(step) for step in known[STEPS_SHOWN:])]


def _step(said: Mapping[str, Any], name: Mapping[str, str]) -> dict[str, Any]:
    """A step with a time and nobody to ask is kept, so that it is told what is missing."""
    after, chosen = said.get(name["after"]), said.get(name["to"]) or []
    if not after and not chosen:
        return {}
    people = [dict(zip(("type", "value"), entry.split(":", 1), strict=True)) for entry in chosen]
    found: dict[str, Any] = {"after_hours": after, said.get(name["how"]) or "add": people}
    return {**found, "repeat": said[name["repeat"]]} if said.get(name["repeat"]) else found


def initial_of(ladder: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what the form shows of a ladder."""
    values: dict[str, Any] = {}
    for number, step in enumerate(ladder[:STEPS_SHOWN], start=1):
        name = names_of_step(number)
        people = step.get("replace") or step.get("add") or []
        values |= {
            name["after"]: step.get("after_hours"),
            name["to"]: [f"{row['type']}:{row['value']}" for row in people],
            name["how"]: "replace" if step.get("replace") else "add",
            name["repeat"]: step.get("repeat") or None,
        }
    return values
