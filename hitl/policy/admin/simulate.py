"""Test workflows with a made-up request."""

from typing import Any, Final
from uuid import UUID

from django import forms
from django.urls import reverse

from console.base.forms import AmountField, ConsoleForm
from console.names import name_in, names_of
from console.templatetags.console_ui import exact
from hitl.actions import registry
from hitl.approvals.change.simulate import Simulation, Trial
from hitl.policy.admin.workflow_form.fields import split
from hitl.policy.admin.workflow_form.form import agent_choices, origins
from hitl.policy.workflows import labels

MODES: Final = {**labels.MODES, "parallel": "All of several levels"}


class TrialForm(ConsoleForm):
    kind = forms.ChoiceField(label="Action")
    cost = AmountField(label="Cost", required=False, decimal_places=2)
    currency = forms.CharField(label="Currency", max_length=3, required=False, initial="EUR")
    share = AmountField(
        label="Relative change",
        required=False,
        min_value=0,
        help_text="Compared with the current value: 0.5 is 50% more, 1 is twice as much.",
    )
    reach = forms.IntegerField(label="People reached", required=False, min_value=0)
    score = forms.IntegerField(label="Risk (0 to 100)", min_value=0, max_value=100, initial=30)
    channel = forms.ChoiceField(label="Channel", choices=lambda: [("", "Any"), *origins()], required=False)
    agent = forms.ChoiceField(label="Agent", required=False)
    tags = forms.CharField(label="Contact tags", required=False, help_text="Separate tags with commas.")
    moment = forms.DateTimeField(
        label="When",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text="In your organisation's time zone. Now, if left empty.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["kind"].choices = registry.titles()  # type: ignore[attr-defined]
        self.fields["agent"].choices = [("", "None"), *agent_choices(())]  # type: ignore[attr-defined]


def trial_of(form: ConsoleForm) -> Trial:
    """Return the made-up request."""
    said = form.cleaned_data
    return Trial(
        **{name: said[name] for name in ("kind", "cost", "share", "reach", "score", "channel")},
        currency=said["currency"].upper(),
        agent_id=UUID(said["agent"]) if said["agent"] else None,
        tags=tuple(split(said["tags"])),
    )


def tried(form: ConsoleForm, found: Simulation) -> dict[str, Any]:
    """Return the workflow that would apply, and its levels with their approvers."""
    names = names_of(person for level in found.levels for person in level.people)
    rows = [
        {
            "name": level.name or f"Level {number}",
            "rule": MODES.get(level.mode, level.mode),
            "required": level.required,
            "people": [name_in(names, person) for person in level.people],
            "satisfiable": level.satisfiable,
            "due": exact(level.due_at) if level.due_at else "Starts when the previous level has approved",
        }
        for number, level in enumerate(found.levels, start=1)
    ]
    flow = found.workflow_id
    url = reverse("admin:hitl_approvalworkflow_change", args=[flow]) if flow else ""
    titles = {"title": "Test workflows", "list_title": "Workflows"}
    return {**titles, "form": form, "found": found, "levels": rows, "flow_url": url}
