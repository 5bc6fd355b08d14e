"""The console's page of business calendars."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from itertools import groupby
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.html import format_html_join

from console.base.actions import ServiceAction, service_action
from console.base.crud import deletes
from console.base.forms import VersionedForm
from console.base.lists import Column
from console.navigation import APPROVAL_RULES, SETTINGS, Nav
from console.time_zones import zone_choices
from console.viewers import viewer_of
from core.errors import Invalid
from core.working_time import DAYS
from hitl.models import BusinessCalendar
from hitl.policy.admin.base import MANAGE, DefinitionAdmin
from hitl.policy.calendars import create_calendar, delete_calendar, revise_calendar
from hitl.policy.workflows.describe import DAY_NAMES


class CalendarForm(VersionedForm):
    """Working hours and holidays as text."""

    name = forms.CharField(label="Name", max_length=60, help_text="Such as “Office Madrid”.")
    zone = forms.ChoiceField(label="Time zone", help_text="Type the name of a city to find it.")
    holidays = forms.CharField(
        label="Holidays",
        required=False,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text="One per line, such as 2026-12-25 Christmas Day.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["zone"].choices = zone_choices(self.initial.get("zone", ""))  # type: ignore[attr-defined]
        for day in DAYS:
            self.fields[day] = forms.CharField(
                label=DAY_NAMES[day],
                required=False,
                max_length=80,
                help_text="Such as 09:00-13:00, 14:00-18:00. Leave empty for a day off." if day == "mon" else "",
                widget=forms.TextInput(attrs={"class": "wk-input"}),
            )
        self.order_fields(["name", "zone", *DAYS, "holidays"])

    def definition(self) -> dict[str, Any]:
        said = self.cleaned_data
        shifts = {day: [part.strip() for part in said[day].split(",") if part.strip()] for day in DAYS}
        week = {day: [re.split(r"\s*[-–]\s*", part, maxsplit=1) for part in parts]
                for day, parts in shifts.items() if said[day].strip()}  # fmt: skip
        lines = [line.strip().partition(" ") for line in said["holidays"].splitlines() if line.strip()]
        days = [{"day": day, "name": name.strip()} for day, _, name in lines]
        return {"name": said["name"], "zone": said["zone"], "week": week, "holidays": days}


def _hours(shifts: list[list[str]]) -> str:
    return ", ".join("-".join(shift) for shift in shifts)


@admin.register(BusinessCalendar)
class CalendarAdmin(DefinitionAdmin):
    nav = Nav("Business calendars", "calendar", SETTINGS, APPROVAL_RULES, order=30)
    intro = "Which hours count towards a deadline. Deadlines already set don't change when you edit a calendar."
    empty_title = "No calendars yet"
    empty_text = "Without one, every hour counts."
    list_display = ("name", "place", "hours", "days_off", "use")
    ordering = ("name",)
    detail_fields = ("name", "place", "hours", "off", "use", "version")

    def get_queryset(self, request: HttpRequest) -> QuerySet[BusinessCalendar]:
        rows: QuerySet[BusinessCalendar] = super().get_queryset(request).annotate(level_count=Count("levels"))
        return rows

    place = Column[BusinessCalendar]("Time zone", lambda calendar: calendar.zone.replace("_", " "))

    @admin.display(description="Hours")
    def hours(self, calendar: BusinessCalendar) -> str:
        texts = []  # "Mon to Fri 09:00-17:00"
        for hours, group in groupby(DAYS, key=lambda day: _hours(calendar.week.get(day) or [])):
            days = [day.title() for day in group]
            if hours:
                texts.append(f"{days[0]}{f' to {days[-1]}' if len(days) > 1 else ''} {hours}")
        return "; ".join(texts) or "Closed"

    days_off = Column[BusinessCalendar]("Holidays", lambda calendar: len(calendar.holidays))

    @admin.display(description="Holidays")
    def off(self, calendar: BusinessCalendar) -> str:
        days = ((date_format(date.fromisoformat(row["day"]), "j M Y"), row["name"]) for row in calendar.holidays)
        return format_html_join("", "<div>{} {}</div>", days) or "None"

    @admin.display(description="Used by")
    def use(self, calendar: BusinessCalendar) -> str:
        count = calendar.level_count  # type: ignore[attr-defined]
        return f"{count} level{'' if count == 1 else 's'}"

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        if action.path == "create":
            return {"zone": request.tenant.timezone, **dict.fromkeys(DAYS[:5], "09:00-17:00")}  # type: ignore[attr-defined]
        if action.path != "edit":
            return {} if obj is None else {"version": obj.version}
        days = "\n".join(f"{row['day']} {row['name']}".strip() for row in obj.holidays)
        hours = {day: _hours(obj.week.get(day, [])) for day in DAYS}
        return {"name": obj.name, "zone": obj.zone, "holidays": days, "version": obj.version, **hours}

    @service_action(title="New calendar", permission=MANAGE, form=CalendarForm, submit="Create",
                    tone="good", on_list=True)  # fmt: skip
    def create(self, request: HttpRequest, obj: None, form: CalendarForm) -> str:
        with _named_for_the_form():
            made = create_calendar(actor=viewer_of(request), **form.definition())
        return f"{made} was created. You can now choose it in the levels of a workflow."

    @service_action(title="Hours and holidays", permission=MANAGE, form=CalendarForm, submit="Save",
                    tone="good")  # fmt: skip
    def edit(self, request: HttpRequest, obj: BusinessCalendar, form: CalendarForm) -> str:
        with _named_for_the_form():
            revise_calendar(
                actor=viewer_of(request), calendar_id=obj.pk, seen_version=form.seen_version(), **form.definition()
            )
        return f"{obj} was saved. It applies to new requests."

    delete = deletes(delete_calendar, "calendar_id", MANAGE, form=VersionedForm, done="{} was deleted.",
                     explain="You can only delete a calendar that no workflow uses.")  # fmt: skip


@contextmanager
def _named_for_the_form() -> Iterator[None]:
    """Show errors of the week at its first day."""
    try:
        yield
    except Invalid as error:
        fields = dict(error.facts.get("fields") or {})
        if "week" not in fields:
            raise
        raise Invalid(error.detail, fields={**fields, "mon": fields.pop("week")}) from error
