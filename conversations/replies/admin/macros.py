"""The console's pages of macros, and running one in a conversation."""

from typing import Any, Final
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.utils.html import format_html_join

from accounts.selectors import list_members
from console.base.actions import ServiceAction
from console.base.crud import creates, deletes, edits
from console.base.forms import VersionedForm, look
from console.base.lists import Column
from console.base.model_admin import ServiceAdmin
from console.names import name_in, names_of
from console.navigation import CONVERSATIONS, SETTINGS, Nav
from console.templatetags.console_ui import chip
from console.viewers import viewer_of
from conversations.inbox.assignment import REPLY
from conversations.inbox.threads.thread import NOTE_LIMIT
from conversations.models import Macro, Priority, Tag, Team
from conversations.replies.admin.canned_replies import EVERYBODY, MINE
from conversations.replies.macros import (
    LONGEST_REST,
    MacroSettings,
    create_macro,
    delete_macro,
    revise_macro,
    usable_macros,
)
from core.errors import Invalid
from hitl.actions import registry
from hitl.actions.kind_fields import VALUE, as_text, texts_of, value_fields, values_of
from hitl.actions.observe import read_arguments

ME: Final = "me"
RESOLVED: Final = {"yes": True, "no": False}


class MacroForm(VersionedForm):
    """A macro: every step that is filled in is done, in the order of the form."""

    name = forms.CharField(label="Name", max_length=60, help_text="Such as “Parcel is lost”.")
    scope = forms.ChoiceField(label="For")
    reply = forms.CharField(
        label="Reply to the customer",
        max_length=settings.TEXT_LIMIT,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="{{ first_name }}, {{ my_name }} and {{ team }} are filled in when it's sent.",
    )
    note = forms.CharField(
        label="Note for colleagues", max_length=NOTE_LIMIT, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    add = forms.MultipleChoiceField(label="Put tags on", required=False, widget=forms.CheckboxSelectMultiple)
    remove = forms.MultipleChoiceField(label="Take tags off", required=False, widget=forms.CheckboxSelectMultiple)
    priority = forms.TypedChoiceField(
        label="Priority", choices=[("", "Unchanged"), *Priority.choices], coerce=int, required=False, empty_value=None
    )
    team = forms.ChoiceField(label="Move to a team", required=False)
    assign = forms.ChoiceField(label="Assign", required=False)
    snooze = forms.IntegerField(
        label="Snooze for (hours)", min_value=1, max_value=LONGEST_REST, required=False, help_text="Empty: not at all."
    )
    close = forms.ChoiceField(
        label="Close",
        required=False,
        choices=[("", "Leave open"), ("yes", "The question was answered"), ("no", "The question wasn't answered")],
    )
    kind = forms.ChoiceField(
        label="Ask for an approval",
        required=False,
        help_text="It waits for approval as any other request. You fill in its values in the next step.",
    )
    chosen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._ask_for_values()
        teams = [(str(pk), name) for pk, name in Team.objects.order_by("name").values_list("pk", "name")]
        people = sorted((one.user.get_full_name(), str(one.user_id)) for one in list_members(permission=REPLY))
        tags = [(str(pk), name) for pk, name in Tag.objects.order_by("name").values_list("pk", "name")]
        choices: dict[str, list[tuple[str, str]]] = {
            "scope": [(MINE, "Only me"), *teams, (EVERYBODY, "Everybody")],
            "team": [("", "Unchanged"), *teams],
            "assign": [("", "Unchanged"), (ME, "The person who runs it"), *((key, name) for name, key in people)],
            "add": tags,
            "remove": tags,
            "kind": [("", "Nothing"), *registry.titles()],
        }
        for name, found in choices.items():
            self.fields[name].choices = found  # type: ignore[attr-defined]
        for field in self.fields.values():
            field.widget.attrs.setdefault("class", look(field.widget))

    def _ask_for_values(self) -> None:
        """Add a field for each value of the request; one that was chosen just now is asked for its values first."""
        kind = str((self.data if self.is_bound else self.initial).get("kind") or "")
        if not registry.is_known(kind):
            return
        self.fields.update(value_fields(kind))
        if not self.is_bound:
            self.initial["chosen"] = kind
        elif isinstance(self.data, QueryDict) and self.data.get("chosen") != kind:
            self.is_redrawn = True
            said = self.data.copy()
            said["chosen"] = kind
            self.data = said

    def clean(self) -> dict[str, Any]:
        """Show what is wrong with the request's values at their fields."""
        said = self.cleaned_data
        if kind := said.get("kind"):
            try:
                read_arguments(registry.get(kind), values_of(said))
            except Invalid as problem:
                fields = problem.facts.get("fields") or {}
                if not self.place_errors({f"{VALUE}{name}": words for name, words in fields.items()}):
                    self.add_error("kind", problem.detail)
        return said

    def macro(self) -> MacroSettings:
        """Return what the services take."""
        said = self.cleaned_data
        steps: dict[str, dict[str, Any]] = {}
        for name in ("reply", "note"):
            if said[name]:
                steps[name] = {"text": said[name]}
        if said["add"] or said["remove"]:
            steps["tags"] = {"add": said["add"], "remove": said["remove"]}
        if said["priority"]:
            steps["priority"] = {"priority": said["priority"]}
        if said["team"]:
            steps["team"] = {"team_id": said["team"]}
        if said["assign"]:
            steps["assign"] = {"user_id": None if said["assign"] == ME else said["assign"]}
        if said["snooze"]:
            steps["snooze"] = {"hours": said["snooze"]}
        if said["close"]:
            steps["close"] = {"resolved": RESOLVED[said["close"]]}
        if said["kind"]:
            steps["request"] = {"kind": said["kind"], "params": values_of(said)}
        team = None if said["scope"] in (MINE, EVERYBODY) else UUID(said["scope"])
        return MacroSettings(said["name"], steps, team, is_personal=said["scope"] == MINE)


@admin.register(Macro)
class MacroAdmin(ServiceAdmin):
    view_permission = REPLY
    nav = Nav("Macros", "play", SETTINGS, CONVERSATIONS, order=50)
    intro = "Several steps under one name. Run them in a conversation under Macros: all are done, or none."
    empty_title = "No macros yet"
    empty_text = "Make the first one, such as a reply, a tag and closing at once."
    list_display = ("name", "whose", "does")
    ordering = ("name", "id")
    to_list = ("delete",)
    detail_fields = ("whose", "does")
    edit_page = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Macro]:
        return usable_macros(actor=viewer_of(request)).select_related("team")

    def prepare_rows(self, request: HttpRequest, rows: list[Macro]) -> None:
        """Put the steps of all into words at once."""
        words = in_words(rows)
        for row in rows:
            row.words = words[row.pk]  # type: ignore[attr-defined]

    whose = Column[Macro](
        "For",
        lambda row: (
            chip("Only you") if row.owner_id else chip(row.team.name, "info") if row.team else chip("Everybody")
        ),
    )
    does = Column[Any]("Steps", lambda row: format_html_join("", "<div>{}</div>", ((line,) for line in row.words)))

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        """Return the values a form starts with."""
        if obj is None:
            return {"scope": MINE}
        if action.path != "edit":
            return {"version": obj.version}
        steps = obj.steps
        assigned = steps.get("assign", {"user_id": ""})["user_id"]
        close = {True: "yes", False: "no"}.get(steps.get("close", {}).get("resolved"), "")
        return {
            "version": obj.version,
            "name": obj.name,
            "scope": MINE if obj.owner_id else str(obj.team_id) if obj.team_id else EVERYBODY,
            "reply": steps.get("reply", {}).get("text", ""),
            "note": steps.get("note", {}).get("text", ""),
            "add": steps.get("tags", {}).get("add", []),
            "remove": steps.get("tags", {}).get("remove", []),
            "priority": steps.get("priority", {}).get("priority"),
            "team": steps.get("team", {}).get("team_id", ""),
            "assign": ME if assigned is None else assigned,
            "snooze": steps.get("snooze", {}).get("hours"),
            "close": close,
            "kind": steps.get("request", {}).get("kind", ""),
            **texts_of(steps.get("request", {}).get("params", {})),
        }

    create = creates(create_macro, REPLY, MacroForm, title="New macro", done="“{}” was created.",
                     values=lambda form: {"wanted": form.macro()})  # fmt: skip
    edit = edits(revise_macro, "macro_id", REPLY, MacroForm, tone="primary", done="“{}” was saved.",
                 values=lambda form: {"wanted": form.macro()})  # fmt: skip

    delete = deletes(delete_macro, "macro_id", REPLY, form=VersionedForm, done="“{}” was deleted.")


def in_words(macros: list[Macro]) -> dict[UUID, list[str]]:
    """Return the steps of macros in words, in their order. At most three queries."""
    tag_ids = {one for row in macros for ids in row.steps.get("tags", {}).values() for one in ids}
    team_ids = {row.steps["team"]["team_id"] for row in macros if "team" in row.steps}
    user_ids = {UUID(row.steps["assign"]["user_id"]) for row in macros if row.steps.get("assign", {}).get("user_id")}
    tags = {str(pk): name for pk, name in Tag.objects.filter(pk__in=tag_ids).values_list("pk", "name")}
    teams = {str(pk): name for pk, name in Team.objects.filter(pk__in=team_ids).values_list("pk", "name")}
    people = names_of(user_ids)
    return {row.pk: list(_words(row.steps, tags, teams, people)) for row in macros}


def _words(steps: dict[str, Any], tags: dict[str, str], teams: dict[str, str], people: Any) -> Any:
    for kind in ("reply", "note"):
        if kind in steps:
            text = steps[kind]["text"]
            yield f"{'Reply' if kind == 'reply' else 'Note'}: “{text[:80]}{'…' if len(text) > 80 else ''}”"
    for name, said in (("add", "Put on"), ("remove", "Take off")):
        if found := steps.get("tags", {}).get(name):
            yield f"{said}: {', '.join(tags.get(one, 'a deleted tag') for one in found)}"
    if "priority" in steps:
        yield f"Priority: {Priority(steps['priority']['priority']).label}"
    if "team" in steps:
        yield f"Team: {teams.get(steps['team']['team_id'], 'a deleted team')}"
    if "assign" in steps:
        chosen = steps["assign"]["user_id"]
        yield f"Assign to {name_in(people, UUID(chosen)) if chosen else 'the person who runs it'}"
    if "snooze" in steps:
        hours = steps["snooze"]["hours"]
        yield f"Snooze for {hours} hour{'s' * (hours != 1)}"
    if "close" in steps:
        yield f"Close: the question {'was' if steps['close']['resolved'] else 'wasn’t'} answered"
    if "request" in steps:
        wanted = steps["request"]
        title = dict(registry.titles()).get(wanted["kind"], "an action that is gone")
        values = ", ".join(f"{name.replace('_', ' ')} {as_text(value)}" for name, value in wanted["params"].items())
        yield f"Ask for an approval: {title}{f' ({values})' if values else ''}"


def offered_macros(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the macros that the viewer may run, with their steps in words."""
    rows = list(usable_macros(actor=viewer_of(request))[:50])
    words = in_words(rows) if rows else {}
    return [{"macro": row, "words": words[row.pk]} for row in rows]
