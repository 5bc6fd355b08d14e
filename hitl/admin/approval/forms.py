"""Forms of the approval page; each carries the digest of what the person was shown."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

from django import forms

from accounts.selectors import list_members
from console.base.forms import ConsoleForm, OptionalReasonForm, look
from core.errors import Invalid
from hitl.admin.approval.facts import is_amount
from hitl.display import HOLDS
from hitl.models import Approval, Seat

VALUE: Final = "value_"
MOST_NAMED: Final = 12
"""How many of the known names a mistaken one is answered with."""
_LOCAL: Final = {"type": "datetime-local"}


class VersionedForm(ConsoleForm):
    """A form of a definition, which carries the version it was made from."""

    version = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)

    def seen_version(self) -> int:
        """Return the version it was made from. Raises Invalid when it does not say."""
        seen = self.cleaned_data["version"]
        if seen is None:
            raise Invalid("Open this form again: it does not say which version it was made from.")
        return int(seen)


class ApproveForm(ConsoleForm):
    """A signature under the digest that was shown."""

    digest = forms.CharField(max_length=64, widget=forms.HiddenInput)
    reason = forms.CharField(
        label="Note (optional)", max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )


class RejectForm(ConsoleForm):
    """A refusal with its reason."""

    digest = forms.CharField(max_length=64, widget=forms.HiddenInput)
    reason = forms.CharField(
        label="Why not?",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="The requester reads this.",
    )


class ResolveForm(ConsoleForm):
    """What really happened outside, and how one knows."""

    outcome = forms.ChoiceField(
        label="What happened?",
        choices=[("executed", "It was carried out"), ("failed", "It was not carried out")],
        widget=forms.RadioSelect,
    )
    evidence = forms.CharField(
        label="How do you know?",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="For example what the platform's journal says.",
    )
    reason = forms.CharField(
        label="Why do you settle it now?", max_length=2000, widget=forms.Textarea(attrs={"rows": 2})
    )


class ReleaseForm(OptionalReasonForm):
    """Which hold to take away; asked for only where there are several."""

    hold = forms.ChoiceField(label="Which hold?", required=False)
    field_order = ("hold", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        holds = self.initial.get("holds") or []
        self.fields["hold"].choices = [(name, HOLDS.get(name, name)) for name in holds]  # type: ignore[attr-defined]
        if len(holds) < 2:
            del self.fields["hold"]


class TalkForm(ConsoleForm):
    """Words that go with what was shown."""

    digest = forms.CharField(max_length=64, widget=forms.HiddenInput)
    reason = forms.CharField(max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))


def talk(label: str) -> type[TalkForm]:
    """Return the form that asks for the words of one move."""
    reason = forms.CharField(label=label, max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))
    return type("TalkForm", (TalkForm,), {"reason": reason})


class PayloadForm(ConsoleForm):
    """The values of a request, one field each; what is left as it was is no change."""

    digest = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.payload: dict[str, Any] = self.initial.get("payload") or {}
        called, currency = self.initial.get("called") or {}, self.initial.get("currency") or ""
        for name in self.initial.get("names") or ():
            value = self.payload.get(name)
            entry = self.fields[VALUE + name] = _value_field(name, value)
            entry.help_text = called.get(str(value)) or (f"In {currency}." if currency and is_amount(value) else "")
        self.fields["reason"] = forms.CharField(
            label="Why? (optional)", max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 2})
        )
        for field in self.fields.values():
            field.widget.attrs.setdefault("class", look(field.widget))

    def changes(self) -> dict[str, Any]:
        """Return the values that differ from what was shown."""
        found = {}
        for name in self.initial.get("names") or ():
            text, before = self.cleaned_data[VALUE + name], self.payload.get(name)
            if text != _as_text(before):
                found[name] = _as_value(text, before)
        return found


@contextmanager
def values_in_the_form() -> Iterator[None]:
    """Name a value that a kind refuses by the form's field, so that the mistake is told beside it."""
    try:
        yield
    except Invalid as error:
        told = (error.facts.get("fields") or {}).items()
        known = [str(name) for name in error.facts.get("choices") or ()][:MOST_NAMED]
        hint = [f"There are: {', '.join(known)}."] if known else []
        fields = {VALUE + name: [*texts, *hint] for name, texts in told}
        raise Invalid(error.detail, code=error.code, fields=fields) from error


def _value_field(name: str, value: Any) -> forms.CharField:
    text = _as_text(value)
    is_long = len(text) > 80 or isinstance(value, list | dict)
    widget = forms.Textarea(attrs={"rows": 4}) if is_long else forms.TextInput()
    label = name.replace("_", " ").capitalize()
    return forms.CharField(label=label, initial=text, required=False, max_length=20_000, widget=widget, strip=False)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)


def _as_value(text: str, before: Any) -> Any:
    """Text stays text; numbers, lists and the like are read as what they were before."""
    if isinstance(before, str):
        return text
    if before is None and not text:
        return None
    try:
        return json.loads(text, parse_float=str)
    except (ValueError, RecursionError):
        return text


def signers() -> list[tuple[str, str]]:
    """Return the colleagues who may sign, by name."""
    members = list_members(permission="hitl.decide_approval")
    return [
        ("", "Choose"),
        *sorted(((str(m.user_id), m.user.get_full_name()) for m in members), key=lambda row: row[1]),
    ]


class DelegateForm(ConsoleForm):
    """Who takes the seat."""

    digest = forms.CharField(max_length=64, widget=forms.HiddenInput)
    to = forms.ChoiceField(label="Who signs instead of you?", choices=signers)
    reason = forms.CharField(
        label="Note (optional)", max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )


class ReassignForm(ConsoleForm):
    """Whose seat goes to whom, and why."""

    digest = forms.CharField(max_length=64, widget=forms.HiddenInput)
    from_person = forms.ChoiceField(label="Whose seat?")
    to = forms.ChoiceField(label="Who signs instead?", choices=signers)
    reason = forms.CharField(label="Why?", max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Whoever lost the seat meanwhile is told so by the service, with who was faster.
        offered = signers if self.is_bound else partial(holders, self.initial.get("approval"))
        self.fields["from_person"].choices = offered  # type: ignore[attr-defined]


def holders(approval: Approval | None) -> list[tuple[str, str]]:
    """Return those who have an open seat of a request, by name."""
    seats = Seat.objects.filter(approval=approval, closed_at=None).select_related("person")
    people = {(str(seat.person_id), seat.person.get_full_name()) for seat in seats} if approval else set()
    return [("", "Choose"), *sorted(people, key=lambda row: row[1])]


class AwayForm(ConsoleForm):
    """Who is away until when, and who signs meanwhile."""

    from_person = forms.ChoiceField(
        label="Who is away? (optional)",
        choices=signers,
        required=False,
        help_text="You yourself, when nobody is chosen.",
    )
    to_person = forms.ChoiceField(label="Who signs meanwhile?", choices=signers)
    starts_at = forms.DateTimeField(
        label="From (optional)",
        required=False,
        help_text="From now on, when it is empty.",
        widget=forms.DateTimeInput(attrs=_LOCAL),
    )
    until = forms.DateTimeField(
        label="Until", help_text="In your organisation's time zone.", widget=forms.DateTimeInput(attrs=_LOCAL)
    )
    reason = forms.CharField(label="Note (optional)", max_length=200, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.initial.get("for_others"):
            del self.fields["from_person"]  # who may not say it for others is not asked for whom
