"""The ladder of a workflow as its form holds it: whom each step asks, after how long, and how often again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django import forms

from hitl.admin.policy.workflow_form.levels import boxes, number, people_of, ticked

ROWS: Final = (("after", "how", "repeat"), ("to",))
BEGIN: Final = {"after": "8", "how": "add"}
HOW: Final = [("add", "as well"), ("replace", "instead")]


def fields_of(people: Any) -> dict[str, forms.Field]:
    """Return the fields of a step by name; `people` are whom it may ask."""
    return {
        "after": number("After so many hours", 1, 8760, required=True, initial=8),
        "how": forms.ChoiceField(label="They sign", choices=HOW, required=False),
        "repeat": number("Again so often", 0, 20),
        "to": boxes("Whom to ask then", people),
    }


def step_of(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return a step as the services take it; who asks nobody is told so."""
    found: dict[str, Any] = {
        "after_hours": said.get("after"),
        said.get("how") or "add": people_of(said.get("to") or []),
    }
    return {**found, "repeat": said["repeat"]} if said.get("repeat") else found


def shown(step: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the form shows of a step."""
    return {
        "after": step.get("after_hours"),
        "to": ticked(step.get("replace") or step.get("add") or []),
        "how": "replace" if step.get("replace") else "add",
        "repeat": step.get("repeat") or None,
    }
