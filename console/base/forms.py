"""Forms of the console: plain Django forms that carry our classes and describe their errors."""

from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.forms.renderers import DjangoTemplates
from django.template.loader import get_template


class ConsoleRenderer(DjangoTemplates):
    """Takes the form's own template from the project and the widgets' from Django."""

    def get_template(self, template_name: str) -> Any:
        """Return the template of that name."""
        is_ours = template_name.startswith("console/")
        return get_template(template_name) if is_ours else super().get_template(template_name)


class ConsoleForm(forms.Form):
    """Base of all console forms: our look, a described error and no browser-only validation."""

    template_name = "console/parts/form.html"
    default_renderer = ConsoleRenderer
    use_required_attribute = True
    is_redrawn = False
    """Whether it was sent only to be shown again in another shape, such as with one more row: nothing is done."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs.setdefault("class", look(field.widget))


class ConfirmForm(ConsoleForm):
    """Nothing to fill in: the button is the answer."""


class ReasonForm(ConsoleForm):
    """A reason that is kept with the decision."""

    reason = forms.CharField(
        label="Reason",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Kept in the audit trail. Do not write personal data here.",
    )


class OptionalReasonForm(ConsoleForm):
    """A reason that may be left out."""

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
