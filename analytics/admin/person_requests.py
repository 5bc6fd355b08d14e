"""Console pages of privacy requests: the list with what is due, one request, and recording one on a person's page."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, ClassVar, Final
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html

from accounts.models import Membership
from accounts.privacy.reveals import get_active_reveal, reveal
from accounts.selectors import list_members
from analytics.exports.jobs import CLEAR, USE
from analytics.exports.people.subjects import ContactSubject, MemberSubject
from analytics.models import PersonRequest
from analytics.person_requests import requests
from analytics.person_requests.requests import HANDLE, LONGEST, OUTCOMES, SOON, Kind, State
from console.base.actions import ServiceAction, register_action
from console.base.crud import calls
from console.base.forms import ConsoleForm
from console.base.lists import Column, choose
from console.base.model_admin import ServiceAdmin
from console.names import name_in, names_of
from console.navigation import DATA, SETTINGS, Nav
from console.templatetags.console_ui import chip, link
from console.time_zones import organisation_zone
from console.viewers import viewer_of
from conversations.models import Contact
from core.actors import Actor
from core.clock import now
from core.models import Consent
from core.reach.verdict import STOPPABLE

DAY: Final = "%-d %b %Y"
CHIPS: Final = {
    State.OPEN: ("info", "clock"),
    State.FULFILLED: ("good", "check"),
    State.REFUSED: ("neutral", "ban"),
    State.WITHDRAWN: ("neutral", "ban"),
}
STEPS: Final = {
    Kind.ACCESS: ("export_person", "Export what is held about them"),
    Kind.PORTABILITY: ("export_person", "Export what is held about them"),
    Kind.CORRECTION: ("change", "Open their page and correct it"),
    Kind.ERASURE: ("erase", "Erase this person"),
    Kind.OBJECTION: ("change", "Open their page and look at what they agreed to"),
}
"""What answers a request: an action of the person's page, or the page itself."""


class OpenRequestForm(ConsoleForm):
    kind = forms.ChoiceField(label="What they ask for", choices=Kind.choices)
    received_on = forms.DateField(
        label="Received",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="The day on which it reached you. It is due a calendar month later.",
    )
    wish = forms.CharField(
        label="In their words (optional)",
        max_length=LONGEST,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Encrypted, and removed when the person is erased.",
    )
    purpose = forms.ChoiceField(
        label="An objection to these messages (optional)",
        choices=[("", "None"), *((value, label) for value, label in Consent.Purpose.choices if value in STOPPABLE)],
        required=False,
        help_text="Opts them out at once, on every address that is known.",
    )


class AssignForm(ConsoleForm):
    person_id = forms.TypedChoiceField(label="Colleague", coerce=UUID)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = [(str(member.user_id), member.user.get_full_name()) for member in list_members(permission=HANDLE)]
        self.fields["person_id"].choices = people  # type: ignore[attr-defined]


class ShowForm(ConsoleForm):
    reason = forms.CharField(
        label="Reason",
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Recorded with your name in the audit log.",
    )


class ExtendForm(ConsoleForm):
    reason = forms.CharField(
        label="Reason",
        max_length=LONGEST,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Such as how many requests there are, or how complex they are. Let the person know it, too.",
    )


class CloseForm(ConsoleForm):
    outcome = forms.ChoiceField(label="Outcome", choices=[(state.value, state.label) for state in OUTCOMES])
    answer = forms.CharField(
        label="Answer",
        max_length=LONGEST,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="What you did and what you answered, or why you refused. Not needed if the person withdrew it. Not "
        "kept if they were erased.",
    )


@admin.register(PersonRequest)
class PersonRequestAdmin(ServiceAdmin):
    view_permission = HANDLE
    nav = Nav("Privacy requests", "shield", SETTINGS, DATA, order=15)
    intro = "What people ask of their data: access, correction, erasure and more. Each is due a month after it came."
    empty_title = "No privacy requests yet"
    empty_text = "Record one on the page of the contact or the colleague, under More actions."
    list_display = ("asked", "of", "received", "due", "standing", "by")
    list_filter: ClassVar = [choose("state", "State", State.choices), choose("kind", "Right", Kind.choices)]
    ordering = ("-id",)
    detail_fields = (
        *("asked", "of", "about", "received", "due", "standing", "by", "next_step", "wished", "extended_at", "why"),
        *("answered", "recorder", "created_at", "closer", "closed_at"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[PersonRequest]:
        viewer = viewer_of(request)
        return requests.query_requests(viewer=viewer) if viewer.may(HANDLE) else PersonRequest.objects.none()

    def prepare_rows(self, request: HttpRequest, rows: list[PersonRequest]) -> None:
        """Read the names of colleagues, and note who looks."""
        viewer = viewer_of(request)
        names = names_of(key for row in rows for key in (row.handler_id, row.opened_by_id, row.closed_by_id))
        for row in rows:
            row.names, row.viewer = names, viewer  # type: ignore[attr-defined]

    def prepare_detail(self, request: HttpRequest, obj: PersonRequest) -> None:
        """Read whether the words are revealed to the viewer, too."""
        super().prepare_detail(request, obj)
        grant = get_active_reveal(actor=viewer_of(request), object_type=requests.OBJECT, object_id=obj.pk)
        obj.in_clear = grant is not None and requests.WORDS in grant.fields  # type: ignore[attr-defined]

    def why_not(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        if action.path == "reveal":
            return "" if obj.wish or obj.extension_reason or obj.answer else "Nothing was written down."
        if obj.state != State.OPEN:
            return "This request is closed."
        return requests.why_not_extend(obj, today_here()) if action.path == "extend" else ""

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        return {"person_id": str(obj.handler_id or viewer_of(request).user_id)} if action.path == "assign" else {}

    asked = Column[PersonRequest]("Right", lambda row: str(row.get_kind_display()))
    received = Column[PersonRequest]("Received", lambda row: f"{row.received_on:{DAY}}")
    about = Column[PersonRequest]("Messages", lambda row: row.get_purpose_display() or "–")
    standing = Column[PersonRequest]("Status", lambda row: chip(row.get_state_display(), *CHIPS[State(row.state)]))
    by = Column[PersonRequest]("Assigned to", lambda row: colleague(row, row.handler_id) or "Nobody")
    recorder = Column[PersonRequest]("Recorded by", lambda row: colleague(row, row.opened_by_id) or "–")
    closer = Column[PersonRequest]("Closed by", lambda row: colleague(row, row.closed_by_id) or "–")
    wished = Column[PersonRequest]("In their words", lambda row: words_in(row, row.wish))
    why = Column[PersonRequest]("Why extended", lambda row: words_in(row, row.extension_reason))
    answered = Column[PersonRequest]("Answer", lambda row: words_in(row, row.answer))

    @admin.display(description="Person")
    def of(self, row: PersonRequest) -> str:
        """Return a link to the person's page."""
        if row.contact is not None:
            return link("conversations_contact_change", row.contact.pk, row.contact.shown_name)
        if row.membership is not None and row.membership.erased_at is None:
            return link("accounts_membership_change", row.membership.pk, str(row.membership.user.get_full_name()))
        return "–" if row.membership is None else "A former member"

    @admin.display(description="Due")
    def due(self, row: PersonRequest) -> str:
        day = f"{row.due_on:{DAY}}"
        left = row.due_on - today_here()
        if row.state != State.OPEN or left > SOON:
            return day
        return chip(f"{day}, overdue", "danger", "alert") if left < timedelta() else chip(day, "warn", "clock")

    @admin.display(description="Next step")
    def next_step(self, row: PersonRequest) -> str:
        """Return a link to what answers an open request, for people who may do it."""
        person = row.contact or row.membership
        if row.state != State.OPEN or person is None or person.erased_at is not None:
            return "–"
        path, words = STEPS[Kind(row.kind)]
        page, erase = (
            ("conversations_contact", ContactSubject.permission)
            if row.contact_id
            else ("accounts_membership", MemberSubject.permission)
        )
        needs: dict[str, tuple[str, ...]] = {"change": (), "erase": (erase,), "export_person": (USE, CLEAR, erase)}
        viewer: Actor = row.viewer  # type: ignore[attr-defined]
        if not all(viewer.may(permission) for permission in needs[path]):
            return f"{words}: a colleague whose role allows it can."
        key = getattr(person, "merged_into_id", None) or person.pk
        return format_html('<a href="{}">{}</a>', reverse(f"admin:{page}_{path}", args=[key]), words)

    assign = calls(requests.assign_request, "person_request_id", title="Assign", permission=HANDLE, form=AssignForm,
                   tone="primary", done="Assigned.")  # fmt: skip
    extend = calls(requests.extend_request, "person_request_id", title="Extend by two months", permission=HANDLE,
                   form=ExtendForm, submit="Extend", done="Extended. Let the person know.")  # fmt: skip
    close = calls(requests.close_request, "person_request_id", title="Close", permission=HANDLE, form=CloseForm,
                  tone="good", explain="A closed request isn't opened again.", done="Closed.")  # fmt: skip
    reveal = calls(
        reveal,
        "object_id",
        permission=CLEAR,
        form=ShowForm,
        title="Show personal data",
        submit="Show for five minutes",
        explain="Only you can see it, and the audit log records it.",
        values=lambda form: {**form.cleaned_data, "object_type": requests.OBJECT, "fields": [requests.WORDS]},
    )


def colleague(row: PersonRequest, user_id: UUID | None) -> str:
    """Return the name of a colleague, "" for none; names were read for all rows."""
    return name_in(getattr(row, "names", {}), user_id, otherwise="")


def words_in(row: PersonRequest, text: str) -> str:
    """Return words of a request: masked, or in clear while they are revealed to the viewer."""
    return (text if getattr(row, "in_clear", False) else requests.masked(row, text)) or "–"


def today_here() -> date:
    """Return the organisation's day."""
    return now().astimezone(organisation_zone()).date()


def why_gone(person: Contact | Membership) -> str:
    """Return why nothing more is recorded of a person, "" if it can be."""
    if person.erased_at is not None:
        return "This person has been erased."
    merged = isinstance(person, Contact) and person.merged_into_id is not None
    return "This contact was merged into another one. Record it there." if merged else ""


def _opens(service: Callable[..., PersonRequest], key: str) -> ServiceAction:
    return calls(
        service,
        key,
        path="open-request",
        title="Record a privacy request…",
        permission=HANDLE,
        form=OpenRequestForm,
        submit="Record",
        explain="What this person asks of their data. It is listed under Privacy requests, with the day it is due.",
        in_menu=True,
        why_not=why_gone,
        initial=lambda *_: {"received_on": today_here()},
        done=lambda row: HttpResponseRedirect(requests.link_to(row)),
    )


register_action(Contact, _opens(requests.open_for_contact, "contact_id"))
register_action(Membership, _opens(requests.open_for_member, "membership_id"))
