"""The escalation steps of the workflow form: who is asked next, after how long, and how often."""

from collections.abc import Mapping
from typing import Any

from django import forms

from console.conditions.row_forms import RowForm, RowFormSet, row_formset
from hitl.policy.admin.workflow_form.fields import approvers_in, checkboxes, number, values_of
from hitl.policy.admin.workflow_form.stale_choices import refuse_stale
from hitl.policy.workflows.validation import STEPS_MAX


class StepForm(RowForm):
    shown = (("after", "how", "repeat"), ("to",))

    after = number("After (hours)", 1, 8760, required=True, initial=8)
    how = forms.ChoiceField(
        label="What happens",
        choices=[("add", "Ask them too"), ("replace", "Ask them instead")],
        required=False,
        initial="add",
    )
    repeat = number("Repeat (times)", 0, 20)
    to = checkboxes("Escalate to")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["to"].choices = self.choices.approvers  # type: ignore[attr-defined]

    def clean_to(self) -> list[str]:
        """Refuse people who can no longer approve."""
        return refuse_stale(self, "to")

    def changed_definition(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """Return the step as the services take it; the services refuse one that asks nobody."""
        people = approvers_in(said.get("to") or [])
        found: dict[str, Any] = {"after_hours": said.get("after"), said.get("how") or "add": people}
        return {**found, "repeat": said["repeat"]} if said.get("repeat") else found


class BaseEscalationFormSet(RowFormSet):
    """All escalation steps."""

    noun = "Step"
    intro = (
        "Each step starts this many hours after the one before; the first counts from the start of a level. "
        "People who are asked instead replace those who have not responded."
    )
    error_field = "to"
    additions = {"": "Add step"}

    @classmethod
    def shown_as(cls, stored: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "after": stored.get("after_hours"),
            "to": values_of(stored.get("replace") or stored.get("add") or []),
            "how": "replace" if stored.get("replace") else "add",
            "repeat": stored.get("repeat") or None,
        }


EscalationFormSet = row_formset(StepForm, BaseEscalationFormSet, STEPS_MAX)
