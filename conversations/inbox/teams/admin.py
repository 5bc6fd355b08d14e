"""The console's pages of teams and of who is available."""

from typing import Any, Final

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from accounts.selectors import list_members
from console.base.actions import ServiceAction
from console.base.crud import calls, creates, deletes, edits
from console.base.forms import ConsoleForm, VersionedForm
from console.base.lists import Column
from console.base.model_admin import ServiceAdmin
from console.extensions import Tile, tiles
from console.names import name_in, names_of
from console.navigation import CONVERSATIONS, DESK, YOURS, Nav
from console.templatetags.console_ui import chip, moment
from console.viewers import viewer_of
from conversations.inbox.teams import availability
from conversations.inbox.teams.selectors import (
    list_loads,
    list_people,
    query_availability,
    query_teams,
    waiting_by_team,
)
from conversations.inbox.teams.teams import Seat, Target, TeamSettings, create_team, delete_team, revise_team
from conversations.inbox.threads.admin import TeamChatPages
from conversations.models import MOST_AT_ONCE, Availability, Priority, Team
from conversations.registry import panels_at
from conversations.surveys.surveys import QUESTION
from core.actors import Actor
from hitl.models import BusinessCalendar

VIEW: Final = "conversations.view_conversation"
MANAGE: Final = "conversations.manage_desk"
REPLY: Final = "conversations.reply_conversation"
ROOM, FIRST, ENDED = "room_", "first_", "resolved_"
"""Prefixes of the fields of people and targets."""
SURVEY: Final = ("survey", "survey_share", "survey_question")
PEOPLE_SHOWN: Final = 8
STATES: Final = {
    Availability.State.ONLINE: ("good", "check"),
    Availability.State.AWAY: ("warn", "clock"),
    Availability.State.OFFLINE: ("neutral", "ban"),
}


class TeamForm(VersionedForm):
    name = forms.CharField(label="Name", max_length=60, help_text="Such as “Customer care”.")
    policy = forms.ChoiceField(label="Who is next", choices=Team.Policy.choices)
    prefers_last_person = forms.BooleanField(
        label="The person who had this customer last comes first, if free", required=False, initial=True
    )
    is_default = forms.BooleanField(label="Takes every conversation that isn't sent elsewhere", required=False)
    is_open = forms.BooleanField(label="Open: conversations are given to its people", required=False, initial=True)
    calendar = forms.ChoiceField(label="Working hours", required=False, help_text="Targets count in these hours.")
    away_minutes = forms.IntegerField(
        label="Hand over the work of people who are away after (minutes)", min_value=1, max_value=1440, initial=15
    )
    warning_minutes = forms.IntegerField(
        label="Warn of answers that are due within (minutes)", min_value=1, max_value=1440, initial=10
    )
    fallback = forms.ChoiceField(label="Fallback team", required=False)
    fallback_minutes = forms.IntegerField(
        label="The fallback team takes over what waits longer than (minutes)", min_value=1, max_value=1440, initial=30
    )
    survey = forms.ChoiceField(
        label="Ask customers how it was", choices=Team.Asks.choices, initial=Team.Asks.NEVER.value
    )
    survey_share = forms.IntegerField(label="Percentage of customers to ask", min_value=1, max_value=100, initial=100)
    survey_question = forms.CharField(
        label="Question", max_length=200, required=False, help_text=f"Empty: “{QUESTION}”"
    )
    leads = forms.MultipleChoiceField(
        label="Leads",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Leads move the team's conversations and may give a full person one more.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = sorted((m.user.get_full_name(), str(m.user_id)) for m in list_members(permission=REPLY))
        for name, user_id in people:
            self.fields[f"{ROOM}{user_id}"] = forms.IntegerField(
                label=name,
                required=False,
                min_value=1,
                max_value=MOST_AT_ONCE,
                help_text="Open conversations at once; empty if not in the team.",
                widget=forms.NumberInput(attrs={"class": "wk-input"}),
            )
        for priority in reversed(Priority):
            for prefix, what in ((FIRST, "first answer"), (ENDED, "resolved")):
                self.fields[f"{prefix}{priority.value}"] = forms.IntegerField(
                    label=f"{priority.label}: {what} within (minutes)",
                    required=False,
                    min_value=1,
                    widget=forms.NumberInput(attrs={"class": "wk-input"}),
                )
        rooms = [name for name in self.fields if name.startswith(ROOM)]
        targets = [name for name in self.fields if name.startswith((FIRST, ENDED))]
        self.fields["leads"].choices = [(user_id, name) for name, user_id in people]  # type: ignore[attr-defined]
        calendars = BusinessCalendar.objects.order_by("name").values_list("pk", "name")
        self.fields["calendar"].choices = [("", "Every hour counts"), *calendars]  # type: ignore[attr-defined]
        teams = Team.objects.order_by("name").values_list("pk", "name")
        self.fields["fallback"].choices = [("", "None"), *teams]  # type: ignore[attr-defined]
        before = ["name", "is_default", "is_open", "policy", "prefers_last_person", *rooms, "leads", "calendar"]
        after = ["warning_minutes", "away_minutes", "fallback", "fallback_minutes", *SURVEY]
        self.order_fields([*before, *targets, *after])

    def team(self) -> dict[str, Any]:
        """Return what the services take."""
        said = self.cleaned_data
        plain = (
            "name", "policy", "prefers_last_person", "is_default", "is_open", "away_minutes", "warning_minutes",
            "fallback_minutes", *SURVEY,
        )  # fmt: skip
        settings = TeamSettings(
            **{name: said[name] for name in plain},
            calendar_id=said["calendar"] or None,
            fallback_id=said["fallback"] or None,
        )
        seats = [
            Seat(name.removeprefix(ROOM), room, is_lead=name.removeprefix(ROOM) in said["leads"])  # type: ignore[arg-type]
            for name, room in said.items()
            if name.startswith(ROOM) and room
        ]
        targets = {one.value: Target(said[f"{FIRST}{one.value}"], said[f"{ENDED}{one.value}"]) for one in Priority}
        return {"settings": settings, "seats": seats, "targets": targets}


@admin.register(Team)
class TeamAdmin(TeamChatPages):
    view_permission = VIEW
    nav = Nav("Teams", "users", DESK, CONVERSATIONS, order=50, badges=("conversations.team_chats",))
    intro = (
        "People who share the conversations that agents hand over. The next one goes at "
        "once to a person who is available and has room."
    )
    empty_title = "No teams yet"
    empty_text = "Without a team, conversations wait in the list until somebody takes them."
    list_display = ("name", "standing", "members", "waiting", "oldest")
    ordering = ("name",)
    to_list = ("delete",)
    detail_fields = (
        "name", "standing", "people_now", "waiting", "oldest", "next_person", "hours", "targets_in_words",
        "when_away", "falls_back", "asks",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Team]:
        return query_teams(viewer=viewer_of(request))

    def prepare_rows(self, request: HttpRequest, rows: list[Team]) -> None:
        """Count what waits in all teams at once."""
        found = waiting_by_team(viewer=viewer_of(request))
        for team in rows:
            team.queue = found.get(team.pk, (0, None))  # type: ignore[attr-defined]

    def prepare_detail(self, request: HttpRequest, obj: Team) -> None:
        super().prepare_detail(request, obj)
        obj.roll = list_people(viewer=viewer_of(request), team_id=obj.pk)  # type: ignore[attr-defined]

    @admin.display(description="State")
    def standing(self, team: Team) -> str:
        state = chip("Open", "good", "check") if team.is_open else chip("Closed", "neutral", "pause")
        return format_html("{} {}", state, chip("Default", "accent") if team.is_default else "")

    members = Column[Any]("People", lambda team: format_html('<span class="wk-number">{}</span>', team.people))
    waiting = Column[Any]("Waiting", lambda team: format_html('<span class="wk-number">{}</span>', team.queue[0]))

    @admin.display(description="Oldest")
    def oldest(self, team: Team) -> str:
        since = team.queue[1]  # type: ignore[attr-defined]
        return moment(since) if since else "–"

    @admin.display(description="People")
    def people_now(self, team: Team) -> str:
        """Return each person with what they have and whether they are there."""
        rows = (
            (
                row.name,
                chip("Lead", "accent") if row.is_lead else "",
                state_chip(row.state, row.reason),
                f"Up to {row.capacity} conversations"
                if row.open_count is None
                else f"{row.open_count} of {row.capacity} conversations",
            )
            for row in team.roll  # type: ignore[attr-defined]
        )
        return (
            format_html_join("", "<div>{} {} {} {}</div>", rows)
            or "Nobody. Conversations wait until somebody is in it."
        )

    next_person = Column[Team](
        "Who is next",
        lambda team: f"{team.get_policy_display()}{', the last person first' if team.prefers_last_person else ''}",
    )
    hours = Column[Team]("Working hours", lambda team: team.calendar.name if team.calendar else "Every hour counts")

    @admin.display(description="Targets")
    def targets_in_words(self, team: Team) -> str:
        rows = sorted(team.targets.all(), key=lambda one: -one.priority)
        lines = [(one.get_priority_display(), _minutes(one.first_answer_minutes), _minutes(one.resolution_minutes))
                 for one in rows]  # fmt: skip
        return format_html_join("", "<div>{}: first answer {}, resolved {}</div>", lines) or "None"

    when_away = Column[Team](
        "When somebody is away", lambda team: f"Open conversations are handed over after {team.away_minutes} minutes"
    )
    falls_back = Column[Team](
        "Fallback", lambda team: f"{team.fallback}, after {team.fallback_minutes} minutes" if team.fallback else "None"
    )

    @admin.display(description="Survey")
    def asks(self, team: Team) -> str:
        if team.survey == Team.Asks.NEVER:
            return "Customers aren't asked"
        share = "" if team.survey_share == 100 else f", {team.survey_share} % of customers"
        return f"{team.get_survey_display()}{share}: “{team.survey_question or QUESTION}”"

    def detail_context(self, request: HttpRequest, obj: Team) -> dict[str, Any]:
        """Return the fields, and what other apps show about a team."""
        return {**super().detail_context(request, obj), "panels": panels_at("team", viewer_of(request), obj)}

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        """Return the values a form starts with."""
        if obj is None or action.path != "edit":
            given = super().form_initial(request, action, obj)
            return given if obj is None else {**given, "version": obj.version}
        plain = (
            "name policy prefers_last_person is_default is_open away_minutes warning_minutes fallback_minutes version "
            "survey survey_share survey_question"
        ).split()
        members = list(obj.members.all())
        return {
            **{name: getattr(obj, name) for name in plain},
            "calendar": obj.calendar_id or "",
            "fallback": obj.fallback_id or "",
            "leads": [str(one.user_id) for one in members if one.is_lead],
            **{f"{ROOM}{one.user_id}": one.capacity for one in members},
            **{f"{FIRST}{one.priority}": one.first_answer_minutes for one in obj.targets.all()},
            **{f"{ENDED}{one.priority}": one.resolution_minutes for one in obj.targets.all()},
        }

    create = creates(create_team, MANAGE, TeamForm, title="New team", done="{} was created.", values=TeamForm.team)
    edit = edits(revise_team, "team_id", MANAGE, TeamForm, tone="primary", done="{} was saved.",
                 values=TeamForm.team)  # fmt: skip

    delete = deletes(delete_team, "team_id", MANAGE, form=VersionedForm, done="{} was deleted.",
                     explain="You can only delete a team without open conversations.")  # fmt: skip


class AvailabilityForm(ConsoleForm):
    state = forms.ChoiceField(label="I am", choices=Availability.State.choices, widget=forms.RadioSelect)
    reason = forms.CharField(
        label="Reason (optional)", max_length=60, required=False, help_text="Such as “Lunch”. Colleagues see it."
    )
    edit_page = True


@admin.register(Availability)
class AvailabilityAdmin(ServiceAdmin):
    view_permission = VIEW
    nav = Nav("Availability", "clock", YOURS, order=40)
    intro = (
        "Conversations are given to people who are available. Opening the console makes you available; closing it "
        "ends that."
    )
    empty_title = "Nobody has been here yet"
    empty_text = "People of a team appear here when they open the console."
    list_display = ("who", "standing", "since_when")
    ordering = ("state", "since", "id")
    detail_fields = ("who", "standing", "began", "since_when")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Availability]:
        return query_availability(viewer=viewer_of(request))

    def prepare_rows(self, request: HttpRequest, rows: list[Availability]) -> None:
        """Read all names at once."""
        names = names_of(row.user_id for row in rows)
        for row in rows:
            row.name = name_in(names, row.user_id)  # type: ignore[attr-defined]

    who = Column[Any]("Person", lambda row: row.name)
    standing = Column[Availability]("State", lambda row: state_chip(row.state, row.reason))
    began = Column[Availability]("Because", lambda row: row.get_source_display())
    since_when = Column[Availability]("Since", lambda row: moment(row.since))

    choose = calls(availability.set_availability, path="set", title="Set my availability", permission=REPLY,
                   form=AvailabilityForm, submit="Save", tone="primary",
                   done=lambda row: f"You are {row.get_state_display().lower()}.")  # fmt: skip


class WorkloadTile(Tile):
    """Who of the viewer's teams has how much open and late, for those who may see figures of people."""

    order, permission = 30, VIEW
    template = "console/tiles/workload.html"

    def context(self, viewer: Actor) -> dict[str, Any]:
        """Return the people with the most to do; empty for who leads no team."""
        loads = list_loads(viewer=viewer)
        most = max((load.open_count for load in loads), default=0) or 1
        inbox = reverse("admin:inbox")
        rows = [
            {
                "load": load,
                "url": f"{inbox}?view=open&assignee={load.user_id}" if load.user_id else f"{inbox}?view=waiting",
                "chip": state_chip(load.state, load.reason),
                "width": round(100 * load.open_count / most),
                "late_width": round(100 * load.late_count / most),
            }
            for load in loads[:PEOPLE_SHOWN]
        ]
        return {"rows": rows, "hidden": len(loads) - len(rows)} if rows else {}


tiles.register("conversations-workload", WorkloadTile)


def state_chip(state: str, reason: str) -> str:
    chosen = Availability.State(state)
    text = f"{chosen.label}: {reason}" if reason else str(chosen.label)
    return chip(text, *STATES[chosen])


def _minutes(value: int | None) -> str:
    return f"within {value} minutes" if value else "whenever"
