"""The form of a person's own brief."""

from __future__ import annotations

from typing import Any

from django import forms

from analytics.brief.texts import IN_CONSOLE, SECTIONS, Language
from analytics.models import BriefPreference
from console.base.forms import ConsoleForm
from console.time_zones import zone_choices

PLACES = tuple(f"place_{number}" for number in range(1, len(SECTIONS) + 1))


class BriefForm(ConsoleForm):
    """When, in which language, and which sections in which order."""

    is_on = forms.BooleanField(label="Send me a daily brief", required=False)
    at = forms.TimeField(
        label="Local time", widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"), help_text="Every day."
    )
    zone = forms.ChoiceField(label="Time zone", choices=zone_choices, help_text="Type the name of a city to find it.")
    language = forms.ChoiceField(label="Language", choices=[(code.value, code.label) for code in Language])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", "Nothing"), *((key, IN_CONSOLE[key]) for key in SECTIONS)]
        for number, name in enumerate(PLACES, start=1):
            field = forms.ChoiceField(label=f"Section {number}", choices=choices, required=False)
            field.widget.attrs["class"] = "wk-input"
            self.fields[name] = field

    def clean(self) -> dict[str, Any]:
        """Put the places together into one list, each section at most once."""
        found = super().clean() or {}
        chosen = [found.pop(name, "") for name in PLACES]
        kept = [key for key in chosen if key]
        if not kept:
            self.add_error(PLACES[0], "Choose at least one section.")
        for name, key in zip(PLACES, chosen, strict=True):
            if key and chosen.index(key) != PLACES.index(name):
                self.add_error(name, "This section is in the brief already.")
        return {**found, "sections": kept}


def initial_of(row: BriefPreference) -> dict[str, Any]:
    """Return what the form starts with."""
    places = dict(zip(PLACES, row.sections, strict=False))
    return {"is_on": row.is_on, "at": row.at, "zone": row.zone, "language": row.language, **places}
