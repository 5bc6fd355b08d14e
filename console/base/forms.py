"""Forms of the console: plain Django forms with our look and described errors."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django import forms
from django.forms.boundfield import BoundField
from django.forms.renderers import DjangoTemplates
from django.forms.utils import ErrorDict
from django.template.loader import get_template


class ConsoleRenderer(DjangoTemplates):
    """Load a form's own template from the project and the widgets from Django."""

    def get_template(self, template_name: str) -> Any:
        """Return the template of that name."""
        is_ours = template_name.startswith("console/")
        return get_template(template_name) if is_ours else super().get_template(template_name)


RENDERER: Final = ConsoleRenderer()
"""One for all forms: each renderer builds a template engine of its own."""


class ConsoleForm(forms.Form):
    """Base of all console forms: our look, described errors and no validation in the browser alone."""

    template_name = "console/parts/form.html"
    default_renderer = RENDERER
    use_required_attribute = True
    is_redrawn = False
    """True if it was only sent to be shown again, for example with one more row: nothing is saved or refused."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs.setdefault("class", look(field.widget))

    def full_clean(self) -> None:
        """Show no errors while rows are added and removed."""
        super().full_clean()
        if self.is_redrawn:
            self._errors = ErrorDict()

    def place_errors(self, problems: Mapping[str, Sequence[str]]) -> bool:
        """Put a service's complaints at their fields. Return False if none of these fields is here."""
        known = [name for name in problems if name in self.fields]
        for name in known:
            self.add_error(name, [str(text) for text in problems[name]])
        return bool(known)


class ConfirmForm(ConsoleForm):
    """A form with nothing to fill in, only a button."""


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
