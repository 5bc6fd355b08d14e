"""The console's form of a field map, with a preview on masked rows that is read only when somebody asks for it."""

from collections.abc import Mapping
from typing import Any, Final

from django import forms
from django.forms.boundfield import BoundField

from console.base.forms import ConsoleForm
from core.actors import Actor
from hub.crm.fields import TAKEN, Direction, Owner, find_rules
from hub.crm.switches import preview_of
from integrations.crm.types import FIELDS
from integrations.models import ProviderAccount

PREVIEW: Final = "preview"
NAMES: Final = tuple(name for name in FIELDS if name != "key")


class FieldMapForm(ConsoleForm):
    """A property for each field; for those that Walker also takes, the direction and whose value counts."""

    template_name = "console/crm_field_map.html"
    checks_redrawn = True
    width = "wk-wide-form"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in NAMES:
            self.fields[f"{name}_property"] = forms.CharField(
                label="Property in the CRM",
                max_length=100,
                required=False,
                widget=forms.TextInput({"class": "wk-input", "autocomplete": "off", "spellcheck": "false"}),
            )
            for part, words, choices in (("direction", "Direction", Direction), ("owner", "Whose value counts", Owner)):
                if name in TAKEN:
                    self.fields[f"{name}_{part}"] = forms.ChoiceField(
                        label=words,
                        choices=choices.choices,
                        widget=forms.Select({"class": "wk-input"}),
                    )
        self.is_redrawn = self.is_bound and PREVIEW in self.data

    def groups(self) -> list[tuple[str, list[BoundField]]]:
        """Return the fields of the form by the field of a contact that they are about, with its title."""
        named = {name: [self[key] for key in self.fields if key.partition("_")[0] == name] for name in NAMES}
        return [(FIELDS[name], fields) for name, fields in named.items()]

    def fields_said(self) -> dict[str, dict[str, str]]:
        """Return the fields that have a property, by the names of a rule."""
        said = self.cleaned_data
        return {
            name: {
                "property": said[f"{name}_property"],
                "direction": said.get(f"{name}_direction", Direction.OUT),
                "owner": said.get(f"{name}_owner", Owner.OURS),
            }
            for name in NAMES
            if said[f"{name}_property"]
        }

    def shown(self) -> dict[str, Any] | None:
        """Return masked rows of what would be sent by the map as it stands here, once somebody asked for them."""
        if not self.is_redrawn or self.errors:
            return None
        rules = {name: rule for name, rule in self.fields_said().items() if rule["direction"] != Direction.IN}
        rows, looked_at = preview_of(viewer=self.initial["viewer"])
        return {
            "columns": [rule["property"] for rule in rules.values()],
            "rows": [[(rules[name]["property"], one.shown.get(name) or "–") for name in rules] for one in rows],
            "looked_at": looked_at,
        }


def make_initial(viewer: Actor, connection: ProviderAccount) -> Mapping[str, Any]:
    """Return what the form shows at first: the map that is used."""
    usual = {
        f"{name}_{part}": value
        for name in TAKEN
        for part, value in (("direction", Direction.BOTH), ("owner", Owner.NEWEST))
    }
    kept = {
        f"{name}_{part}": getattr(rule, part)
        for name, rule in find_rules(connection).items()
        for part in ("property", "direction", "owner")
    }
    return {"viewer": viewer, **usual, **kept}
