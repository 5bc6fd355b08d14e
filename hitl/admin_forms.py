"""Forms of the approval page; each carries the digest of what the person was shown."""

from django import forms

from console.forms import ConsoleForm


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
