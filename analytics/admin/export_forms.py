"""The forms of exports: one for each list, with its filters, and that of exports that repeat."""

from datetime import datetime, time, timedelta
from typing import Any, ClassVar, Final
from uuid import UUID

from django import forms

from accounts.selectors import list_members
from analytics.exports.jobs import USE, Wanted
from analytics.exports.schedules import ScheduleSettings
from analytics.exports.sources import SOURCES
from analytics.models import ExportSchedule, Format
from console.base.forms import ConsoleForm, VersionedForm
from console.time_zones import organisation_zone, zone_choices

DAY: Final = {"type": "date"}
FILTER: Final = "filter_"


class ExportForm(ConsoleForm):
    """Span, format and filters of one list; subclasses name it."""

    source: ClassVar[str]
    format = forms.ChoiceField(label="As", choices=Format.choices)
    since = forms.DateField(label="First day", widget=forms.DateInput(attrs=DAY, format="%Y-%m-%d"))
    until = forms.DateField(label="Last day", widget=forms.DateInput(attrs=DAY, format="%Y-%m-%d"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for choice in SOURCES.get(self.source).choices():
            field = forms.ChoiceField(label=choice.label, choices=[("", "All"), *choice.options], required=False)
            field.widget.attrs["class"] = "wk-input"
            self.fields[f"{FILTER}{choice.name}"] = field

    def wanted(self) -> Wanted:
        """Return what the service takes: days in the organisation's time zone."""
        zone, given = organisation_zone(), self.cleaned_data
        chosen = {name.removeprefix(FILTER): value for name, value in given.items() if name.startswith(FILTER)}
        since = datetime.combine(given["since"], time.min, tzinfo=zone)
        until = datetime.combine(given["until"] + timedelta(days=1), time.min, tzinfo=zone)
        clear = {name: given[name] for name in ("in_clear", "reason") if name in given}
        filters = {name: value for name, value in chosen.items() if value}
        return Wanted(self.source, given["format"], since, until, filters, **clear)


class PeopleExportForm(ExportForm):
    """The same for a list with personal data, which is masked unless a second person agrees."""

    in_clear = forms.BooleanField(
        label="With personal data in clear",
        required=False,
        help_text="Someone else who may see personal data has to agree first.",
    )
    reason = forms.CharField(
        label="Reason (for personal data in clear)",
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Shown to the person who decides.",
    )
    field_order = ("format", "since", "until")


class ConversationsForm(PeopleExportForm):
    source = "conversations"


class ApprovalsForm(PeopleExportForm):
    source = "approvals"


class EventsForm(ExportForm):
    source = "events"


class FiguresForm(ExportForm):
    source = "figures"


class ClearDecisionForm(ConsoleForm):
    """Why an export in clear is allowed or refused."""

    reason = forms.CharField(
        label="Reason", max_length=500, widget=forms.Textarea(attrs={"rows": 2}), help_text="Kept with the export."
    )


class ScheduleForm(VersionedForm):
    name = forms.CharField(label="Name", max_length=60)
    source = forms.ChoiceField(label="List")
    format = forms.ChoiceField(label="As", choices=Format.choices)
    every = forms.ChoiceField(label="How often", choices=ExportSchedule.Every.choices)
    day = forms.IntegerField(
        label="Day",
        min_value=1,
        max_value=31,
        help_text="Every week: 1 (Monday) to 7. Every month: 1 to 31; a shorter month uses its last day.",
    )
    at = forms.TimeField(label="Local time", widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))
    zone = forms.ChoiceField(label="Time zone", choices=zone_choices, help_text="Type a city to find its time zone.")
    recipients = forms.TypedMultipleChoiceField(
        label="Recipients", coerce=UUID, widget=forms.CheckboxSelectMultiple, help_text="They get a link by email."
    )
    is_on = forms.BooleanField(label="On", required=False, initial=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = [(str(member.user_id), member.user.get_full_name()) for member in list_members(permission=USE)]
        self.fields["source"].choices = [(key, source.label) for key, source in SOURCES.items()]  # type: ignore[attr-defined]
        self.fields["recipients"].choices = people  # type: ignore[attr-defined]

    def settings(self, filters: dict[str, str]) -> ScheduleSettings:
        given = {name: value for name, value in self.cleaned_data.items() if name != "version"}
        return ScheduleSettings(**given, filters=filters)
