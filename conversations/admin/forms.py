"""Forms of the conversation page."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from console.base.forms import ConsoleForm
from conversations.files.rules import LARGEST, FileRules, Upload


class FilesInput(forms.FileInput):
    """A chooser of several files."""

    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Several files. What they are is decided by their bytes, later: not even an empty one is refused here."""

    widget = FilesInput

    def clean(self, data: Any, initial: Any = None) -> list[Upload]:
        """Return the files with the names that the browser gave."""
        given = [
            file for file in (data if isinstance(data, list | tuple) else [data]) if isinstance(file, UploadedFile)
        ]
        return [Upload(str(file.name or ""), file.read(LARGEST + 1)) for file in given]


class ReplyForm(ConsoleForm):
    """A reply to the customer, in words, with files or both."""

    text = forms.CharField(
        label="Your reply",
        max_length=settings.TEXT_LIMIT,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    as_template = forms.BooleanField(
        label="Send it as a template",
        help_text="Your text becomes the template's variable: on one line, and cut after 700 characters.",
    )
    template_language = forms.ChoiceField(label="They'll read", widget=forms.RadioSelect, required=False)
    files = FilesField(label="Attach files (optional)", required=False)  # type: ignore[assignment]  # no attribute later

    def offer_templates(self, choices: list[tuple[str, str]]) -> None:
        """Offer the templates that the reply can be sent as; without any, it is sent as free text."""
        if not choices:
            del self.fields["as_template"]
        if len(choices) < 2:
            del self.fields["template_language"]
            return
        field = self.fields["template_language"]
        field.choices = choices  # type: ignore[attr-defined]
        field.initial = choices[0][0]

    def fit(self, rules: FileRules) -> None:
        """Offer only the files that the channel can carry, and say what they are."""
        if not rules.sizes:
            del self.fields["files"]
            self.fields["text"].help_text = rules.why_none
            return
        field = self.fields["files"]
        field.help_text = rules.summary
        field.widget.attrs |= {
            "accept": ",".join(rules.endings),
            "data-attach": rules.most,
            "data-attach-bytes": rules.total,
        }


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
