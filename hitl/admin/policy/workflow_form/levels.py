"""The levels of a workflow as its form holds them, one row each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django import forms

from hitl.actions import registry
from hitl.models import ApprovalLevel

ROWS: Final = (("approvers",), ("mode", "quorum"), ("sla_hours", "calendar_id"))
RARE: Final = (
    ("name",),
    ("parallel",),
    ("require_reason",),
    ("min_auth",),
    ("reject_threshold",),
    ("editable_fields",),
)
BEGIN: Final = {"mode": "any", "quorum": "1", "reject_threshold": "1", "sla_hours": "8"}
SIGN_INS: Final = [
    ("", "Any way, also by the link in a mail"),
    ("password", "Signed in, or by an API key"),
    ("mfa", "Only with a second factor"),
]
_SAME: Final = {"none": "", "api_key": "password"}
"""Words for a strength of sign-in that ask for the same as the one the form offers."""


def words(label: str, help_text: str, **options: Any) -> forms.CharField:
    """Return a field for a text that may be left out."""
    return forms.CharField(label=label, help_text=help_text, **{"required": False, **options})


def number(label: str, least: int, most: int, **options: Any) -> forms.IntegerField:
    """Return a field for a whole number that may be left out."""
    return forms.IntegerField(label=label, min_value=least, max_value=most, **{"required": False, **options})


def boxes(label: str, choices: Any) -> forms.MultipleChoiceField:
    """Return a field of which any number is ticked."""
    return forms.MultipleChoiceField(label=label, choices=choices, required=False, widget=forms.CheckboxSelectMultiple)


def fields_of(people: Any, calendars: list[tuple[str, str]]) -> dict[str, forms.Field]:
    """Return the fields of a level by name; `people` are whom it may ask."""
    return {
        "name": words("What this level is called", "Such as “Finance”.", max_length=80),
        "approvers": boxes("Who is asked", people),
        "mode": forms.ChoiceField(label="Who has to sign", choices=ApprovalLevel.Mode.choices, required=False),
        "quorum": number("How many of them, if a number", 1, 100, initial=1),
        "reject_threshold": number("Rejected once so many reject", 1, 100, initial=1),
        "sla_hours": number("Answer due within (hours)", 1, 8760, initial=8),
        "calendar_id": forms.ChoiceField(label="Which hours count", choices=calendars, required=False),
        "parallel": forms.BooleanField(label="Opens at the same time as the level before", required=False),
        "require_reason": forms.BooleanField(label="A rejection needs a reason", required=False),
        "min_auth": forms.ChoiceField(label="How its signers have to be signed in", choices=SIGN_INS, required=False),
        "editable_fields": words(
            "Fields its signers may edit",
            f"Separated by commas; of one kind only: kind:field. There are {_editable()}.",
        ),
    }


def _editable() -> str:
    """Return the fields that requests have, by kind."""
    kinds = ((key, sorted(registry.get(key).params_model.model_fields)) for key in registry.keys())  # noqa: SIM118
    return "; ".join(f"{', '.join(fields)} ({key})" for key, fields in kinds)


def split(text: str | None) -> list[str]:
    """Return the words between the commas."""
    return [word.strip() for word in (text or "").split(",") if word.strip()]


def people_of(chosen: list[str]) -> list[dict[str, str]]:
    """Return those who were ticked as the services take them."""
    return [dict(zip(("type", "value"), entry.split(":", 1), strict=True)) for entry in chosen]


def ticked(rows: list[dict[str, Any]]) -> list[str]:
    """Return those who are asked as the form ticks them."""
    return [f"{row['type']}:{row['value']}" for row in rows]


def level_of(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return a level as the services take it."""
    return {
        "name": said.get("name") or "",
        "approvers": people_of(said.get("approvers") or []),
        "mode": said.get("mode") or "any",
        "quorum": said.get("quorum") or 1,
        "reject_threshold": said.get("reject_threshold") or 1,
        "sla_hours": said.get("sla_hours") or 8,
        "calendar_id": said.get("calendar_id") or None,
        "parallel": bool(said.get("parallel")),
        "require_reason": bool(said.get("require_reason")),
        "min_auth": said.get("min_auth") or "",
        "editable_fields": split(said.get("editable_fields")),
    }


def shown(level: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the form shows of a level."""
    return {
        **level,
        "approvers": ticked(level["approvers"]),
        "min_auth": _SAME.get(level["min_auth"], level["min_auth"]),
        "editable_fields": ", ".join(level["editable_fields"]),
    }
