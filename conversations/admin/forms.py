"""Forms of the conversation page."""

from django import forms
from django.conf import settings

from console.base.forms import ConsoleForm


class ReplyForm(ConsoleForm):
    """A reply to the customer."""

    text = forms.CharField(
        label="Your reply",
        max_length=settings.TEXT_LIMIT,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class SendAgainForm(ConsoleForm):
    """The failed message to send again."""

    message = forms.UUIDField(widget=forms.HiddenInput)


class CloseForm(ConsoleForm):
    """Whether the customer's question was answered."""

    resolved = forms.TypedChoiceField(
        label="Resolved?",
        choices=[
            ("yes", "Yes, the question was answered"),
            ("no", "No, the question is still open"),
        ],
        coerce=lambda value: value == "yes",
        widget=forms.RadioSelect,
    )


class RevealForm(ConsoleForm):
    """Which personal data to show, and why."""

    fields_wanted = forms.MultipleChoiceField(
        label="Show",
        choices=[("contact", "Name and addresses"), ("messages", "Messages as written")],
        widget=forms.CheckboxSelectMultiple,
        initial=["contact"],
    )
    reason = forms.CharField(
        label="Reason",
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Recorded with your name in the audit log.",
    )
