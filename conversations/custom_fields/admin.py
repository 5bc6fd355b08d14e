"""The console's pages of custom fields, and their values on the pages of contacts and conversations."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from console.base.actions import ServiceAction
from console.base.crud import creates, deletes, edits
from console.base.forms import ConsoleForm, VersionedForm
from console.base.lists import Column, SelectFilter
from console.base.model_admin import ServiceAdmin
from console.navigation import CONVERSATIONS, SETTINGS, Nav
from console.templatetags.console_ui import chip, moment
from conversations.custom_fields import definitions
from conversations.custom_fields.definitions import MANAGE, FieldSettings
from conversations.custom_fields.selectors import fields_of
from conversations.custom_fields.values import LIMIT, named_value, with_values
from conversations.models import CustomField, CustomValue
from core.privacy.pii.addresses import MASKED

NONE_YET: Final = "There are no custom fields yet. Those who manage the inbox make them in the settings."
PLAIN: Final = ("name", "pattern", "hint", "required_on_close", "agents_read")
NOT_SET: Final = ("", "Not set")
YES_OR_NO: Final = {"yes": "Yes", "no": "No"}
Kind = CustomField.Kind


class FieldForm(VersionedForm):
    """What can be changed of a custom field."""

    name = forms.CharField(
        label="Name", max_length=60, help_text="Such as “Order number”. No personal data: everybody sees it."
    )
    options = forms.CharField(
        label="Values to choose from",
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="For a list: one on each line.",
    )
    pattern = forms.CharField(
        label="Pattern",
        max_length=200,
        required=False,
        help_text="For a text, the form of the whole of it: [A-Z]{2}-\\d{4,6} is two capitals, a dash, 4 to 6 digits.",
    )
    hint = forms.CharField(
        label="Hint",
        max_length=200,
        required=False,
        help_text="Shown beside the field, and when a value doesn't fit the pattern.",
    )
    required_on_close = forms.BooleanField(
        label="Needed to close", required=False, help_text="People can't close a conversation before it has a value."
    )
    agents_read = forms.BooleanField(
        label="Agents may read it",
        required=False,
        help_text="They may tell the customer what they read. Personal data is masked for them.",
    )

    def settings(self) -> FieldSettings:
        """Return what the services take."""
        plain = {name: self.cleaned_data[name] for name in PLAIN}
        return FieldSettings(**plain, options=self.cleaned_data["options"].splitlines())


class NewFieldForm(FieldForm):
    """A custom field, with what stays as it is."""

    subject = forms.ChoiceField(label="Of", choices=CustomField.Subject.choices, widget=forms.RadioSelect)
    kind = forms.ChoiceField(label="Kind", choices=CustomField.Kind.choices, help_text="It can't be changed later.")
    key = forms.CharField(
        label="Key",
        max_length=30,
        help_text="Its name for programs and conditions, such as order_number. It can't be changed later.",
    )
    is_personal = forms.BooleanField(
        label="Personal data",
        required=False,
        help_text="Its values are masked, and shown only with a reason. This can't be changed later.",
    )
    field_order = ("subject", "name", "key", "kind", "options", "pattern", "hint", "required_on_close", "agents_read",
                   "is_personal")  # fmt: skip

    def given(self) -> dict[str, Any]:
        """Return what the service takes."""
        own = {name: self.cleaned_data[name] for name in ("subject", "kind", "key", "is_personal")}
        return {**own, "settings": self.settings()}


@admin.register(CustomField)
class CustomFieldAdmin(ServiceAdmin):
    """What the organisation wants to know of its contacts and conversations."""

    view_permission = MANAGE
    nav = Nav("Custom fields", "list", SETTINGS, CONVERSATIONS, order=35)
    intro = "What you want to know of contacts and conversations beside what is there."
    empty_title = "No custom fields yet"
    empty_text = "Make the first one, such as “Order number” of conversations."
    list_display = ("name", "of", "sort", "rules")
    ordering = ("subject", "name", "id")
    to_list = ("delete",)
    detail_fields = ("of", "sort", "key", "choices", "asked", "rules", "made")

    of = Column[CustomField]("Of", lambda field: field.get_subject_display())
    sort = Column[CustomField]("Kind", lambda field: field.get_kind_display())
    choices = Column[CustomField]("Values to choose from", lambda field: ", ".join(field.options) or "–")
    asked = Column[CustomField]("Pattern", lambda field: format_html("<code>{}</code>", field.pattern or "–"))
    made = Column[CustomField]("Created", lambda field: moment(field.created_at))

    @admin.display(description="Rules")
    def rules(self, field: CustomField) -> str:
        """Return chips for what is asked of it."""
        return format_html(
            "{} {} {}",
            chip("Needed to close", "info", "check") if field.required_on_close else "",
            chip("Agents may read it", "info", "agent") if field.agents_read else "",
            chip("Personal data", "warn", "eye") if field.is_personal else "",
        )

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        """Return the values a form starts with."""
        if obj is None:
            return {"subject": CustomField.Subject.CONVERSATION.value}
        known = {name: getattr(obj, name) for name in (*PLAIN, "version")}
        return {**known, "options": "\n".join(obj.options)}

    create = creates(definitions.create_custom_field, MANAGE, NewFieldForm, title="New field",
                     done="“{}” was created.", values=NewFieldForm.given)  # fmt: skip
    edit = edits(definitions.revise_custom_field, "field_id", MANAGE, FieldForm, tone="primary",
                 done="“{}” was saved.", values=lambda form: {"settings": form.settings()},
                 explain="Values that are there stay. The next ones have to fit.")  # fmt: skip
    delete = deletes(definitions.delete_custom_field, "field_id", MANAGE, form=VersionedForm, done="“{}” was deleted.",
                     explain="All of its values are deleted too. It can't be undone.")  # fmt: skip


class ValuesForm(ConsoleForm):
    """The values of custom fields of one contact or conversation; what was shown is sent along.

    Only what differs from that is changed, so that what a colleague wrote meanwhile stays.
    """

    seen = forms.JSONField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.own: list[CustomField] = list(self.initial.get("own", ()))
        known = self.initial.get("known", {})
        for field in self.own:
            is_hidden = field.is_personal and field.pk in known
            self.fields[f"field_{field.key}"] = form_field(field, is_hidden=is_hidden)
            if is_hidden:
                self.fields[f"remove_{field.key}"] = forms.BooleanField(label=f"Remove “{field.name}”", required=False)
            elif not field.is_personal:
                self.initial[f"field_{field.key}"] = known.get(field.pk, "")

    def changes(self) -> dict[str, dict[str, Any]]:
        """Return what the services take: the values that were changed here."""
        said, shown = self.cleaned_data, self.cleaned_data["seen"]
        seen = shown if isinstance(shown, dict) else {}
        changed: dict[str, Any] = {}
        for field in self.own:
            value = said[f"field_{field.key}"]
            if said.get(f"remove_{field.key}"):
                changed[field.key] = None
            elif value if field.is_personal else value != seen.get(field.key, ""):
                changed[field.key] = value
        return {"values": changed}

    def place_errors(self, problems: Mapping[str, Any]) -> bool:
        """Add a service's errors to the fields with these keys."""
        return super().place_errors({f"field_{key}": texts for key, texts in problems.items()})


def form_field(field: CustomField, *, is_hidden: bool) -> forms.Field:
    """Return the form's field of a custom field; of a personal one that has a value, which isn't shown."""
    hint = " ".join(filter(None, (field.hint, "It has a value. What you enter replaces it." if is_hidden else "")))
    common: dict[str, Any] = {"label": field.name, "required": False, "help_text": hint}
    if options := options_of(field):
        return forms.ChoiceField(choices=[("", "Unchanged") if is_hidden else NOT_SET, *options], **common)
    attributes = {Kind.DATE: {"type": "date"}, Kind.NUMBER: {"inputmode": "decimal"}, Kind.LINK: {"type": "url"}}
    widget = forms.TextInput(attrs=attributes.get(Kind(field.kind), {}))
    return forms.CharField(max_length=LIMIT, widget=widget, **common)


def options_of(field: CustomField) -> list[tuple[str, str]]:
    """Return the values of a list or a checkbox, as they are stored and as they are shown; none of other kinds."""
    return list(YES_OR_NO.items()) if field.kind == Kind.CHECKBOX else [(one, one) for one in field.options]


def values_to_choose(subject: str) -> dict[str, str]:
    """Return the values of lists and checkboxes that a list can be narrowed to, as addresses name them. One query."""
    return {
        f"{field.key}:{value}": f"{field.name}: {words}"
        for field in fields_of(subject).filter(is_personal=False)
        for value, words in options_of(field)
    }


class ValueFilter(SelectFilter):
    """Filter contacts by a value of a list or a checkbox."""

    title, parameter_name, any_label = "Field", "field", "Any"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """Offer the values, if there are any."""
        found = values_to_choose(CustomField.Subject.CONTACT)
        self.is_hidden = not found
        return found.items()

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the contacts with the chosen value."""
        return queryset.filter(with_values(CustomField.Subject.CONTACT, named_value(self.chosen()), in_address=True))


def values_to_edit(subject: str, values: Iterable[CustomValue]) -> dict[str, Any]:
    """Return what a form of values starts with, without those of personal fields. One query."""
    rows = [row for row in values if row.field.subject == subject]
    return {
        "own": fields_of(subject),
        "known": {row.field_id: row.text for row in rows},
        "seen": {row.field.key: row.text for row in rows if not row.field.is_personal},
    }


def shown_values(rows: Iterable[CustomValue], *, in_clear: bool) -> list[tuple[str, Any]]:
    """Return values with the names of their fields as a page shows them: personal ones masked, or in clear."""
    return [(row.field.name, drawn(row, row.shown(in_clear=in_clear))) for row in rows]


def drawn(row: CustomValue, text: str) -> Any:
    """Return a value as a page shows it, such as a link that can be followed."""
    if row.field.kind == Kind.LINK and text != MASKED:
        return format_html('<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>', text, text)
    return YES_OR_NO.get(text, text) if row.field.kind == Kind.CHECKBOX else text
