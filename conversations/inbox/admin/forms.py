"""Forms of the conversation page."""

from collections.abc import Sequence
from typing import Any, Final, cast
from uuid import UUID

from django import forms
from django.conf import settings
from django.http import QueryDict

from console.base.forms import ConsoleForm, ManyFilesField, look, read_files
from conversations.channel_accounts.admin.languages import language_name
from conversations.channel_accounts.templates import preview_of
from conversations.messages.files.rules import LARGEST, FileRules, Upload
from conversations.messages.outbound import ByTemplate
from conversations.models import MessageTemplate
from conversations.texts import VARIABLE_LIMIT, words_before_gap

OBJECT: Final = "conversations.conversation"
YOUR_TEXT: Final = "[your text]"
USED_AS_VALUE: Final = (
    "What you write fills the template's gaps: each on one line, and cut after 700 characters. "
    "A template carries no files."
)
SENT_AS_IT_IS: Final = "It's sent as it is, without your text. Leave the text empty."


def gap_label(offered: Sequence[MessageTemplate], number: int) -> str:
    """Return the label of a gap: its number, and its name if it has one in words, else what stands before it."""
    having = [one for one in offered if len(one.variables) >= number]
    names = {one.variables[number - 1] for one in having}
    name = names.pop() if len(names) == 1 else ""
    if name and not name.isdigit():
        return f"Gap {number}: {name.replace('_', ' ')}"
    before = {words_before_gap(one.body, one.variables[number - 1]) for one in having}
    words = before.pop() if len(before) == 1 else ""
    return f"Gap {number}, after “{words}”" if words else f"Gap {number}"


def shown_preview(template: MessageTemplate, first: str = YOUR_TEXT) -> str:
    """Return what the customer will read, with the fields of the form in its gaps."""
    numbers = range(2, len(template.variables) + 1)
    return preview_of(template=template, names=[first, *(f"[gap {number}]" for number in numbers)])


class FilesField(ManyFilesField):
    """Several files, read."""

    def clean(self, data: Any, initial: Any = None) -> list[Upload]:
        """Return the files with the names that the browser gave."""
        return [Upload(*each) for each in read_files(super().clean(data, initial), LARGEST)]


class ReplyForm(ConsoleForm):
    """A reply to the customer, in words, with files or both."""

    text = forms.CharField(
        label="Your reply",
        max_length=settings.TEXT_LIMIT,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "placeholder": "Write a reply", "dir": "auto"}),
    )
    after = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)
    as_template = forms.BooleanField(label="Send it as a template")
    template_language = forms.ChoiceField(label="They'll read", widget=forms.RadioSelect, required=False)
    submit = ""
    """The words of the button, if not the usual ones."""
    first_gap = YOUR_TEXT
    """What a template's text shows in the gap that the text field fills."""
    _offered: Sequence[MessageTemplate] = ()
    _gaps: Sequence[str] = ()
    files = FilesField(label="Attach files (optional)", required=False)  # type: ignore[assignment]  # no attribute later
    canned_files = forms.TypedMultipleChoiceField(
        label="Files of the canned reply",
        coerce=UUID,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": "A file of this canned reply was removed. Choose the reply again."},
    )

    def offer_templates(self, offered: Sequence[MessageTemplate]) -> None:
        """Offer the templates that the reply can be sent as; without any, it is sent as free text."""
        if not offered:
            del self.fields["as_template"], self.fields["template_language"]
            return
        self._offered = offered
        self.fields.pop("files", None)  # no template carries any
        self.fields.pop("canned_files", None)
        most = max(len(one.variables) for one in offered)
        if most > 1:
            self.fields["text"].label = "Gap 1: your text"
        field = self.fields["as_template"]
        field.help_text = USED_AS_VALUE if most else SENT_AS_IT_IS
        for number in range(2, most + 1):
            self.fields[f"gap_{number}"] = forms.CharField(
                label=gap_label(offered, number), max_length=VARIABLE_LIMIT, required=False
            )
            self.fields[f"gap_{number}"].widget.attrs["class"] = look(self.fields[f"gap_{number}"].widget)
        first = [name for name in ("text", *(f"gap_{number}" for number in range(2, most + 1))) if name in self.fields]
        self.order_fields([*first, "template_language", "as_template"])
        if len(offered) < 2:
            del self.fields["template_language"]
            return
        chooser = self.fields["template_language"]
        chooser.choices = [  # type: ignore[attr-defined]
            (one.language, f"{language_name(one.language)}: “{shown_preview(one, self.first_gap)}”") for one in offered
        ]
        chooser.initial = offered[0].language

    def clean(self) -> dict[str, Any]:
        """Ask for every gap of the chosen template, and for no text where it has none."""
        found = super().clean() or self.cleaned_data
        if not found.get("as_template") or not self._offered:
            return found
        language = found.get("template_language") or ""
        chosen = next((one for one in self._offered if one.language == language), self._offered[0])
        for number, field in enumerate(("text", *(f"gap_{number}" for number in range(2, 21))), start=1):
            if field not in self.fields:
                continue
            if number <= len(chosen.variables) and not str(found.get(field) or "").strip():
                self.add_error(field, "The template needs this. Fill it in.")
            if number > len(chosen.variables) and str(found.get(field) or "").strip():
                self.add_error(field, "This template has no gap for this, so it would be lost. Leave it empty.")
        self._gaps = [str(found.get(f"gap_{number}") or "") for number in range(2, len(chosen.variables) + 1)]
        return found

    def ask_again(self, seq: int) -> None:
        """Let the next press send it although there is an answer with this number."""
        sent = cast("QueryDict", self.data).copy()
        sent["after"] = str(seq)
        self.data = sent
        self.submit = "Send anyway"

    def by_template(self) -> ByTemplate | None:
        """Return what the template is filled with that the text goes out as; None for a text that goes as it is."""
        found = self.cleaned_data
        if not found.get("as_template", False):
            return None
        return ByTemplate(language=found.get("template_language", ""), variables=list(self._gaps))

    def offer_canned(self, files: Sequence[tuple[UUID, str]]) -> None:
        """Offer the files of a canned reply that was chosen, each with its name."""
        if "canned_files" not in self.fields:
            return
        if not files and not (self.is_bound and "canned_files" in self.data):
            del self.fields["canned_files"]
            return
        self.fields["canned_files"].choices = files  # type: ignore[attr-defined]
        self.initial["canned_files"] = [str(pk) for pk, _ in files]

    def fit(self, rules: FileRules) -> None:
        """Offer only the files that the channel can carry, and say what they are."""
        if not rules.sizes:
            del self.fields["files"], self.fields["canned_files"]
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
        choices=[("yes", "Yes, the question was answered"), ("no", "No, the question is still open")],
        coerce=lambda value: value == "yes",
        widget=forms.RadioSelect,
        initial="yes",
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

    def wanted(self) -> dict[str, Any]:
        """Return what the service takes."""
        said = self.cleaned_data
        return {"object_type": OBJECT, "fields": said["fields_wanted"], "reason": said["reason"]}


class RunForm(ConsoleForm):
    """A macro to run in a conversation."""

    macro_id = forms.UUIDField(widget=forms.HiddenInput)
    run_id = forms.UUIDField(widget=forms.HiddenInput)
    after = forms.IntegerField(widget=forms.HiddenInput, min_value=0)
