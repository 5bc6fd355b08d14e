"""The form of a person's own brief."""

from typing import Any

from django import forms

from analytics.brief.choices import section_titles
from analytics.brief.texts import Language
from analytics.models import BriefPreference
from console.base.forms import ConsoleForm
from console.time_zones import PROFILE, zone_choices


def _places() -> list[str]:
    return [f"place_{number}" for number in range(1, len(section_titles()) + 1)]


class BriefForm(ConsoleForm):
    """Time, language, sections and their order."""

    is_on = forms.BooleanField(label="Send me a daily brief", required=False)
    at = forms.TimeField(
        label="Local time",
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text="Sent every day at this time.",
    )
    zone = forms.ChoiceField(
        label="Time zone",
        choices=lambda: [PROFILE, *zone_choices()],
        required=False,
        help_text="Type a city to find its time zone.",
    )
    language = forms.ChoiceField(
        label="Language", choices=[PROFILE, *((code.value, code.label) for code in Language)], required=False
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", "None"), *section_titles().items()]
        for number, name in enumerate(_places(), start=1):
            field = forms.ChoiceField(label=f"Section {number}", choices=choices, required=False)
            field.widget.attrs["class"] = "wk-input"
            self.fields[name] = field

    def clean(self) -> dict[str, Any]:
        """Collect the sections into one list, each at most once."""
        cleaned = super().clean() or {}
        places = _places()
        chosen = [cleaned.pop(name, "") for name in places]
        sections = [key for key in chosen if key]
        if not sections:
            self.add_error(places[0], "Choose at least one section.")
        for name, key in zip(places, chosen, strict=True):
            if key and chosen.index(key) != places.index(name):
                self.add_error(name, "This section is already in the brief.")
        return {**cleaned, "sections": sections}


def initial_of(row: BriefPreference) -> dict[str, Any]:
    """Return the form's initial values."""
    places = dict(zip(_places(), row.sections, strict=False))
    return {"is_on": row.is_on, "at": row.at, "zone": row.zone, "language": row.language, **places}
