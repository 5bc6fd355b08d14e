"""Forms of the console: plain Django forms with our look and described errors."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.forms.boundfield import BoundField
from django.forms.renderers import DjangoTemplates
from django.forms.utils import ErrorDict
from django.template.loader import get_template

from core.errors import Invalid
from core.text.amounts import parse_amount


class ConsoleRenderer(DjangoTemplates):
    """Load a form's own template from the project and the widgets from Django."""

    def get_template(self, template_name: str) -> Any:
        """Return the template of that name."""
        is_ours = template_name.startswith("console/")
        return get_template(template_name) if is_ours else super().get_template(template_name)


RENDERER: Final = ConsoleRenderer()
"""One for all forms: each renderer builds a template engine of its own."""


class ConsoleForm(forms.Form):
    """Base of all console forms: our CSS classes, described errors, no browser-only validation."""

    template_name = "console/parts/form.html"
    default_renderer = RENDERER
    use_required_attribute = True
    is_redrawn = False
    """Whether it was submitted only to change its shape, such as adding a row; nothing is saved."""
    checks_redrawn: ClassVar[bool] = False
    """Whether errors are shown then, too: where what was entered is tried, or previewed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs.setdefault("class", look(field.widget))

    def full_clean(self) -> None:
        """Show no errors while rows are added and removed."""
        super().full_clean()
        if self.is_redrawn and not self.checks_redrawn:
            self._errors = ErrorDict()

    def place_errors(self, problems: Mapping[str, Sequence[str]]) -> bool:
        """Add a service's errors to their fields; returns False if none of the fields is on this form."""
        names = [name for name in problems if name in self.fields]
        for name in names:
            self.add_error(name, [str(text) for text in problems[name]])
        return bool(names)


class AmountField(forms.DecimalField):
    """An amount in plain digits; what else Python reads as a number is refused."""

    default_error_messages: ClassVar = {"invalid": "Enter an amount such as 5000 or 5000.00."}

    def to_python(self, value: Any) -> Any:
        """Return the amount, or None if the field is empty; raises `ValidationError`."""
        if value in self.empty_values:
            return None
        try:
            return parse_amount(value)
        except ValueError:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from None


class FilesInput(forms.FileInput):
    """A chooser of several files."""

    allow_multiple_selected = True


class ManyFilesField(forms.FileField):
    """Several files. What they are is decided by their bytes, later: not even an empty one is refused here."""

    widget = FilesInput

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        """Return the files as they came."""
        return [file for file in (data if isinstance(data, list | tuple) else [data]) if isinstance(file, UploadedFile)]


def read_files(files: Iterable[Any], most: int) -> list[tuple[str, bytes]]:
    """Return files with the names that the browser gave, each read to a byte beyond `most`."""
    return [(str(file.name or ""), file.read(most + 1)) for file in files]


class ConfirmForm(ConsoleForm):
    """A form without fields: pressing the button confirms."""


class ReasonForm(ConsoleForm):
    """A reason that is kept with the decision."""

    reason = forms.CharField(
        label="Reason",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Kept in the audit log. Don't include personal data.",
    )


class OptionalReasonForm(ConsoleForm):
    """An optional reason."""

    reason = forms.CharField(
        label="Note (optional)", max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )


def look(widget: forms.Widget) -> str:
    """Return the class that gives a widget our look."""
    if isinstance(widget, forms.CheckboxInput | forms.CheckboxSelectMultiple | forms.RadioSelect):
        return "wk-check"
    return "wk-input"


def described_by(bound: BoundField) -> str:
    """Return the ids that describe a field, for `aria-describedby`."""
    ids = [f"{bound.auto_id}_help"] if bound.help_text else []
    return " ".join(ids + ([f"{bound.auto_id}_error"] if bound.errors else []))


class VersionedForm(ConsoleForm):
    """A form of a definition; it carries the version that was shown."""

    version = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)

    def seen_version(self) -> int:
        """Return the version that was shown. Raises Invalid without one."""
        seen = self.cleaned_data["version"]
        if seen is None:
            raise Invalid("This form is incomplete. Open it again.")
        return int(seen)
