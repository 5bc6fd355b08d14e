"""The levels of the workflow form: who approves, how many of them, and by when."""

from collections.abc import Mapping
from typing import Any, Final

from django import forms

from console.conditions.row_forms import RowForm, RowFormSet, row_formset
from hitl.actions import registry
from hitl.policy.admin.workflow_form.fields import approvers_in, checkboxes, number, split, text, values_of
from hitl.policy.admin.workflow_form.stale_choices import refuse_stale
from hitl.policy.workflows.labels import MODES
from hitl.policy.workflows.validation import LEVELS_MAX

SIGN_INS: Final = [
    ("", "Any, including approve-by-email links"),
    ("password", "Signed in, or with an API key"),
    ("mfa", "Two-factor authentication"),
    ("key", "Security key or passkey"),
]
EQUIVALENT_SIGN_INS: Final = {"none": "", "api_key": "password", "company": "password"}


class LevelForm(RowForm):
    shown = (("approvers",), ("mode", "quorum"), ("sla_hours", "calendar_id"))
    folded = (
        ("name",),
        ("parallel",),
        ("require_reason",),
        ("min_auth",),
        ("reject_threshold",),
        ("editable_fields",),
    )

    name = text("Level name", "For example “Finance”.", max_length=80)
    approvers = checkboxes("Approvers")
    mode = forms.ChoiceField(label="Who must approve", choices=list(MODES.items()), required=False, initial="any")
    quorum = number("Approvals required", 1, 100, initial=1)
    reject_threshold = number("Rejections needed to reject", 1, 100, initial=1)
    sla_hours = number("Decision due within (hours)", 1, 8760, initial=8)
    calendar_id = forms.ChoiceField(label="Business calendar", required=False)
    parallel = forms.BooleanField(label="Start together with the previous level", required=False)
    require_reason = forms.BooleanField(label="Require a reason for rejecting", required=False)
    min_auth = forms.ChoiceField(label="Sign-in required from approvers", choices=SIGN_INS, required=False)
    editable_fields = text("Fields approvers can edit")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["approvers"].choices = self.choices.approvers  # type: ignore[attr-defined]
        self.fields["calendar_id"].choices = self.choices.calendars  # type: ignore[attr-defined]
        kinds = ((key, sorted(registry.get(key).params_model.model_fields)) for key in registry.keys())  # noqa: SIM118
        known = "; ".join(f"{', '.join(fields)} ({key})" for key, fields in kinds)
        self.fields[
            "editable_fields"
        ].help_text = f"Separate fields with commas. For one action only, write action:field. Available: {known}."

    def clean_approvers(self) -> list[str]:
        """Refuse people who can no longer approve."""
        return refuse_stale(self, "approvers")

    def changed_definition(self, said: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "name": said.get("name") or "",
            "approvers": approvers_in(said.get("approvers") or []),
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


class BaseLevelFormSet(RowFormSet):
    """All levels; the first has none before it that it could start together with."""

    noun = "Level"
    intro = "Levels are asked one after another. Each level has its own deadline."
    error_field = "approvers"
    additions = {"": "Add level"}

    def add_fields(self, form: forms.BaseForm, index: int | None) -> None:
        """Leave out of the first level what only later ones have."""
        super().add_fields(form, index)
        if index is not None and all(self.is_removed(before) for before in range(index)):
            del form.fields["parallel"]

    def definitions(self) -> list[dict[str, Any]]:
        """Return the levels as the services take them; the first starts alone, even if it was a later one."""
        levels = super().definitions()
        return [{**level, "parallel": place > 0 and level.get("parallel", False)} for place, level in enumerate(levels)]

    @classmethod
    def shown_as(cls, stored: Mapping[str, Any]) -> dict[str, Any]:
        min_auth = stored.get("min_auth") or ""
        return {
            **stored,
            "approvers": values_of(stored["approvers"]),
            "calendar_id": str(stored.get("calendar_id") or ""),
            "min_auth": EQUIVALENT_SIGN_INS.get(min_auth, min_auth),
            "editable_fields": ", ".join(stored.get("editable_fields") or []),
        }


LevelFormSet = row_formset(LevelForm, BaseLevelFormSet, LEVELS_MAX)
