"""Forms of the approval page; each carries the digest of the request that was shown."""

import json
from typing import Any, Final
from uuid import UUID

from django import forms

from console.base.forms import ConsoleForm, OptionalReasonForm, look
from hitl.actions.kind_fields import VALUE, as_text
from hitl.approvals.admin.page.facts import is_amount
from hitl.approvals.admin.rows import approver_choices
from hitl.display import HOLDS

_LOCAL: Final = {"type": "datetime-local"}


def reason_field() -> forms.CharField:
    """Return the field for an optional reason for changing a setting."""
    return forms.CharField(
        label="Reason (optional)",
        max_length=300,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Colleagues will see this. Don't include personal data.",
    )


class ShownForm(ConsoleForm):
    """A form about exactly what was shown."""

    digest = forms.CharField(max_length=64, widget=forms.HiddenInput)


class ApproveForm(OptionalReasonForm, ShownForm):
    """Approve what was shown."""


class RejectForm(ShownForm):
    """Reject what was shown, with a reason."""

    reason = forms.CharField(
        label="Reason for rejecting",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="The requester will see this.",
    )


class CompensateForm(ConsoleForm):
    """Undo a change, also if it was changed again since."""

    even_if_moved = forms.BooleanField(
        label="Undo it even if somebody changed it since",
        required=False,
        help_text="Otherwise you hear what it is now, and nothing is requested.",
    )


class ResolveForm(ConsoleForm):
    outcome = forms.ChoiceField(
        label="What happened?",
        choices=[("executed", "It was executed"), ("failed", "It was not executed")],
        widget=forms.RadioSelect,
    )
    evidence = forms.CharField(
        label="How do you know?",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="For example, what the platform's change history shows.",
    )
    reason = forms.CharField(
        label="Reason for recording it now", max_length=2000, widget=forms.Textarea(attrs={"rows": 2})
    )


class ReleaseForm(OptionalReasonForm):
    """The hold to release; asked for only if there are several."""

    hold = forms.ChoiceField(label="Which hold?", required=False)
    field_order = ("hold", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        holds = self.initial.get("holds") or []
        self.fields["hold"].choices = [(name, HOLDS.get(name, name)) for name in holds]  # type: ignore[attr-defined]
        if len(holds) < 2:
            del self.fields["hold"]


def message_form(label: str) -> type[ShownForm]:
    """Return a form that asks for a message about what was shown, under this label."""
    reason = forms.CharField(label=label, max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))
    return type("MessageForm", (ShownForm,), {"reason": reason})


class PayloadForm(ShownForm):
    """The values of a request, one field each; only changed values are sent on."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.payload: dict[str, Any] = self.initial.get("payload") or {}
        called, currency = self.initial.get("called") or {}, self.initial.get("currency") or ""
        for name in self.initial.get("names") or ():
            value = self.payload.get(name)
            text = as_text(value)
            is_long = len(text) > 80 or isinstance(value, list | dict)
            self.fields[VALUE + name] = forms.CharField(
                label=name.replace("_", " ").capitalize(),
                initial=text,
                required=False,
                max_length=20_000,
                widget=forms.Textarea(attrs={"rows": 4}) if is_long else forms.TextInput(),
                strip=False,
                help_text=called.get(str(value)) or (f"In {currency}." if currency and is_amount(value) else ""),
            )
        self.fields["reason"] = forms.CharField(
            label="Reason (optional)", max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 2})
        )
        for field in self.fields.values():
            field.widget.attrs.setdefault("class", look(field.widget))

    def changes(self) -> dict[str, Any]:
        """Return the values that differ from what was shown."""
        found = {}
        for name in self.initial.get("names") or ():
            text, before = self.cleaned_data[VALUE + name], self.payload.get(name)
            if text != as_text(before):
                found[name] = _as_value(text, before)
        return found


def _as_value(text: str, before: Any) -> Any:
    """Return a value of the type it had before: text stays text, everything else is read as JSON."""
    if isinstance(before, str):
        return text
    if before is None and not text:
        return None
    try:
        return json.loads(text, parse_float=str)
    except (ValueError, RecursionError):
        return text


class DelegateForm(OptionalReasonForm, ShownForm):
    to = forms.TypedChoiceField(label="Delegate to", coerce=UUID)
    field_order = ("digest", "to", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["to"].choices = self.initial["approvers"]  # type: ignore[attr-defined]


class ReassignForm(ShownForm):
    from_person = forms.TypedChoiceField(label="Current approver", coerce=UUID)
    to = forms.TypedChoiceField(label="New approver", coerce=UUID)
    reason = forms.CharField(label="Reason", max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        approvers, assignees = self.initial["approvers"], self.initial["assignees"]
        # If the approver changed meanwhile, the service says who was faster.
        self.fields["from_person"].choices = approvers if self.is_bound else assignees  # type: ignore[attr-defined]
        self.fields["to"].choices = approvers  # type: ignore[attr-defined]


class NoteForm(ConsoleForm):
    text = forms.CharField(
        label="Note",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3, "data-mentions": "mentions"}),
        help_text="Write @ and a full name to mention colleagues.",
    )
    mentions = forms.TypedChoiceField(label="Mention a colleague (optional)", required=False, coerce=UUID)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        nobody = [("", "Nobody")]
        self.fields["mentions"].choices = [*nobody, *self.initial["colleagues"][1:]]  # type: ignore[attr-defined]


class AwayForm(ConsoleForm):
    from_person = forms.TypedChoiceField(
        label="Who is away? (optional)", required=False, help_text="You, if left empty.", coerce=UUID, empty_value=None
    )
    to_person = forms.TypedChoiceField(label="Who decides meanwhile?", coerce=UUID)
    starts_at = forms.DateTimeField(
        label="From (optional)",
        required=False,
        help_text="Now, if left empty.",
        widget=forms.DateTimeInput(attrs=_LOCAL),
    )
    until = forms.DateTimeField(
        label="Until", help_text="In your organisation's time zone.", widget=forms.DateTimeInput(attrs=_LOCAL)
    )
    reason = forms.CharField(label="Note (optional)", max_length=200, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = approver_choices()
        for name in ("from_person", "to_person"):
            self.fields[name].choices = people  # type: ignore[attr-defined]
        if not self.initial.get("for_others"):
            del self.fields["from_person"]  # only people who manage others' absences choose whose it is
