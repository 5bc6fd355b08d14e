"""Where a person is in the inbox: a view, what it is narrowed to, and how far down the list."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Case, F, Q, QuerySet, Value, When
from django.http import HttpRequest
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.timezone import get_current_timezone

from console.base.lists import days_of, edges_of
from console.viewers import viewer_of
from conversations.custom_fields.values import named_value, with_values
from conversations.inbox.admin.search import FOUND, is_token
from conversations.inbox.models import HOT
from conversations.inbox.selectors.counts import due_today, is_late, is_mine
from conversations.inbox.selectors.search import conversations_with
from conversations.models import LIVE, URGENT, WAITS_FOR_PERSON, Conversation, ConversationTag, CustomField
from conversations.replies.admin.canned_replies import id_in
from core.actors import Actor
from core.clock import now
from core.errors import Invalid
from core.reach import channels

State = Conversation.State
VIEWS: Final = (
    ("mine", "Mine", "person"),
    ("waiting", "Waiting", "hand"),
    ("late", "Late", "clock"),
    ("open", "All open", "inbox"),
    ("snoozed", "Snoozed", "moon"),
    ("closed", "Closed", "check-circle"),
    ("all", "All", "list"),
)
ALL: Final = "all"
BY_ACTIVITY: Final = ("mine", "open", "closed", ALL)
"""The views that are read page by page."""
DAYS: Final = {"1": "Last day", "7": "Last 7 days", "30": "Last 30 days"}
STATES: Final = {
    "needs_person": "Needs a person",
    "person": "With a person",
    "snoozed": "Snoozed",
    "late": "Late",
    "due_today": "Due today",
    "agent": "Agent answers",
    "closed": "Closed",
}
"""What all conversations are narrowed to; the other views say it themselves."""
PRIORITIES: Final = {"urgent": "Urgent", "hot": "Hot leads"}
ME: Final = "me"
NOBODY: Final = "nobody"
SAVED: Final = "saved"
KEPT: Final = ("view", "team", "tag", "field", "assignee", "channel", "priority", "state", "days", "mine", "since")
"""What a saved view keeps; the last two are what the assignee and the days were called in those saved earlier."""
URGENT_FIRST: Final = Case(
    When(urgency__gte=URGENT, then=Value(0)), When(lead__gte=HOT, then=Value(1)), default=Value(2)
)
DUE_FIRST: Final = ("-priority", URGENT_FIRST, F("next_due_at").asc(nulls_last=True), "escalated_at", "id")
BY_ID: Final = ("team", "tag", "assignee")


@dataclass(frozen=True, slots=True)
class Place:
    """A view of the inbox, what it is narrowed to, and after which row the page begins.

    `saved` is the id of the person's saved view that it was opened as.
    """

    view: str
    narrowed: Mapping[str, str] = field(default_factory=dict)
    after: str = ""
    saved: str = ""

    @classmethod
    def of(cls, request: HttpRequest, *, home: str = "mine") -> "Place":
        """Return the place that an address names; what makes no sense in it is left out."""
        asked = request.GET
        narrowed = {name: asked[name] for name in BY_ID if id_in(asked.get(name))}
        if asked.get("assignee") == NOBODY:
            narrowed["assignee"] = NOBODY
        elif asked.get("assignee") == ME or asked.get("mine") == "yes":
            narrowed["assignee"] = str(viewer_of(request).user_id)
        choices = {"channel": dict(channels.kinds()), "priority": PRIORITIES, "state": STATES}
        narrowed |= {name: asked[name] for name, known in choices.items() if asked.get(name) in known}
        if ":" in asked.get("field", ""):
            narrowed["field"] = asked["field"]
        days = asked.get("days") or asked.get("since", "")
        if days in DAYS or days_of(days):
            narrowed["days"] = days
        if is_token(asked.get(FOUND, "")):
            narrowed[FOUND] = asked[FOUND]
        saved = asked[SAVED] if id_in(asked.get(SAVED)) else ""
        view = asked.get("view", "")
        if view not in {code for code, *_ in VIEWS}:
            elsewhere = "waiting" if "team" in narrowed else home
            view = ALL if asked.get("state") in (ALL, *STATES) else "open" if saved else elsewhere
        if view != ALL and FOUND not in narrowed:
            narrowed.pop("state", None)
        return cls(view, narrowed, asked.get("after", "") if after_in(asked.get("after", "")) else "", saved)

    @classmethod
    def of_list(cls, request: HttpRequest) -> "Place":
        """Return the place of an address of the list of conversations that stood where the inbox is now.

        It began with what isn't closed; its saved view was called `view`.
        """
        place, saved = cls.of(request, home="open"), request.GET.get("view")
        view = ALL if place.view == ALL or FOUND in place.narrowed or not request.GET else "open"
        return replace(place, view=view, after="", saved=saved if saved and id_in(saved) else "")

    def known(self, **choices: Mapping[Any, str]) -> "Place":
        """Return it without the ids that are none of the choices, such as those of another organisation."""
        kept = {
            name: value
            for name, value in self.narrowed.items()
            if name not in choices or value == NOBODY or value in choices[name] or id_in(value) in choices[name]
        }
        return replace(self, narrowed=kept)

    def asked(self) -> dict[str, str]:
        """Return it as the parameters of an address."""
        more = {"after": self.after, SAVED: self.saved}
        return {"view": self.view, **self.narrowed, **{name: value for name, value in more.items() if value}}

    def url(self, **more: str) -> str:
        """Return its address."""
        return f"{reverse('admin:inbox')}?{urlencode({**self.asked(), **more})}"

    def at(self, view: str) -> "Place":
        """Return another view, narrowed alike; a search is of all views, so it ends.

        Mine and Waiting say whose conversations they show: no assignee narrows them. Only all have any state.
        """
        left_out = {FOUND, *(["assignee"] if view in ("mine", "waiting") else []), *(["state"] if view != ALL else [])}
        return Place(view, {name: value for name, value in self.narrowed.items() if name not in left_out})

    def narrowed_to(self, **choice: str) -> "Place":
        """Return the first page of the same view with other choices; an empty one takes a choice away."""
        wanted = {**self.narrowed, **choice}
        return Place(self.view, {name: value for name, value in wanted.items() if value})

    def rows(self, rows: QuerySet[Conversation], viewer: Actor, words: str = "") -> QuerySet[Conversation]:
        """Return the conversations of this place in its order; those of a search have `words`, in any state."""
        is_search = FOUND in self.narrowed
        found = rows.filter(pk__in=conversations_with(words, viewer=viewer)) if words else rows
        found = found.order_by("-last_message_at", "-id") if is_search else of_view(found, self.view, viewer)
        if is_search and not words:
            return found.none()
        found = found.filter(*(condition_of(name, value) for name, value in self.narrowed.items()))
        if (after := after_in(self.after)) and self.has_pages:
            at, pk = after
            found = found.filter(Q(last_message_at__lt=at) | Q(last_message_at=at, pk__lt=pk))
        return found

    @property
    def has_pages(self) -> bool:
        """Return True if older conversations follow on another page."""
        return self.view in BY_ACTIVITY or FOUND in self.narrowed


def of_view(rows: QuerySet[Conversation], view: str, viewer: Actor) -> QuerySet[Conversation]:
    """Return the conversations of a view in its order."""
    match view:
        case "mine":
            rows = rows.filter(is_mine(viewer))
        case "waiting":
            return rows.filter(WAITS_FOR_PERSON).order_by(*DUE_FIRST)
        case "late":
            return rows.filter(in_state("late")).order_by("next_due_at", "id")
        case "snoozed":
            return rows.filter(in_state("snoozed")).order_by("snoozed_until", "id")
        case "closed":
            rows = rows.filter(in_state("closed"))
        case "open":
            rows = rows.filter(state__in=LIVE)
    return rows.order_by("-last_message_at", "-id")


def in_state(state: str) -> Q:
    """Return the condition of conversations in one of the states that a person can choose."""
    match state:
        case "needs_person":
            return WAITS_FOR_PERSON
        case "snoozed":
            return Q(snoozed_until__isnull=False)
        case "late":
            return is_late()
        case "due_today":
            return due_today(get_current_timezone())
    return Q(state=state)


def condition_of(name: str, value: str) -> Q:
    """Return the condition of one thing that a place is narrowed to; none for a search, whose words have theirs."""
    match name:
        case "team":
            return Q(team_id=value)
        case "tag":
            return Q(pk__in=tagged_with(value))
        case "field":
            return with_choice(value)
        case "assignee":
            return Q(assigned_to=id_in(value))
        case "channel":
            return Q(channel_account__kind=value)
        case "priority":
            return Q(urgency__gte=URGENT) if value == "urgent" else Q(lead__gte=HOT)
        case "state":
            return in_state(value)
        case "days" if days := days_of(value):
            first, last = edges_of(days)
            return Q(last_message_at__gte=first, last_message_at__lt=last)
        case "days":
            return Q(last_message_at__gte=now() - timedelta(days=int(value)))
    return Q()


def tagged_with(tag: str) -> QuerySet[Any]:
    """Return the ids of the conversations with a tag."""
    return ConversationTag.objects.filter(tag=tag).values("conversation_id")


def with_choice(value: str) -> Q:
    """Return the condition of conversations with a value of a custom field; of none if there is no such value."""
    try:
        return with_values(CustomField.Subject.CONVERSATION, named_value(value), in_address=True)
    except Invalid:
        return Q(pk__in=())


def after_in(text: str) -> tuple[Any, UUID] | None:
    """Return the place in the list that the next page begins after; None for what is no place."""
    at, _, pk = text.partition("|")
    try:
        moment = parse_datetime(at)
    except ValueError:
        return None
    found = id_in(pk)
    return (moment, found) if moment and moment.tzinfo and found else None
