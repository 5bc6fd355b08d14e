"""Where a person is in the inbox: a view, what it is narrowed to, and how far down the list."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import F, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.dateparse import parse_datetime

from conversations.inbox.admin.filters import tagged_with
from conversations.inbox.admin.search import FOUND, is_token
from conversations.inbox.selectors.counts import is_mine
from conversations.inbox.selectors.search import conversations_with
from conversations.models import LIVE, WAITS_FOR_PERSON, Conversation
from conversations.replies.admin.canned_replies import id_in
from core.actors import Actor
from core.clock import now
from core.reach import channels

State = Conversation.State
VIEWS: Final = (
    ("mine", "Mine", "person"),
    ("waiting", "Waiting", "hand"),
    ("late", "Late", "clock"),
    ("open", "All open", "inbox"),
    ("snoozed", "Snoozed", "moon"),
    ("closed", "Closed", "check-circle"),
)
BY_ACTIVITY: Final = ("mine", "open", "closed")
"""The views that are read page by page."""
DAYS: Final = {"1": "Last day", "7": "Last 7 days", "30": "Last 30 days"}
NOBODY: Final = "nobody"
DUE_FIRST: Final = ("-priority", F("next_due_at").asc(nulls_last=True), "escalated_at", "id")
_BY_ID: Final = ("team", "tag", "assignee")


@dataclass(frozen=True, slots=True)
class Place:
    """A view of the inbox, what it is narrowed to, and after which row the page begins."""

    view: str
    narrowed: Mapping[str, str] = field(default_factory=dict)
    after: str = ""

    @classmethod
    def of(cls, request: HttpRequest, *, home: str = "mine") -> "Place":
        """Return the place that an address names; what makes no sense in it is left out."""
        asked = request.GET
        narrowed = {name: asked[name] for name in _BY_ID if id_in(asked.get(name))}
        if asked.get("assignee") == NOBODY:
            narrowed["assignee"] = NOBODY
        if asked.get("channel") in dict(channels.kinds()):
            narrowed["channel"] = asked["channel"]
        if asked.get("days") in DAYS:
            narrowed["days"] = asked["days"]
        if is_token(asked.get(FOUND, "")):
            narrowed[FOUND] = asked[FOUND]
        views = [code for code, *_ in VIEWS]
        view = asked.get("view", "")
        view = view if view in views else "waiting" if "team" in narrowed else home
        return cls(view, narrowed, asked.get("after", "") if after_in(asked.get("after", "")) else "")

    def known(self, **choices: Mapping[UUID, str]) -> "Place":
        """Return it without the ids that are none of the choices, such as those of another organisation."""
        kept = {
            name: value
            for name, value in self.narrowed.items()
            if name not in choices or value == NOBODY or id_in(value) in choices[name]
        }
        return replace(self, narrowed=kept)

    def asked(self) -> dict[str, str]:
        """Return it as the parameters of an address."""
        return {"view": self.view, **self.narrowed, **({"after": self.after} if self.after else {})}

    def url(self, **more: str) -> str:
        """Return its address."""
        return f"{reverse('admin:inbox')}?{urlencode({**self.asked(), **more})}"

    def at(self, view: str) -> "Place":
        """Return another view, narrowed alike; a search is of all views, so it ends.

        Mine and Waiting say whose conversations they show: no assignee narrows them.
        """
        left_out = {FOUND, "assignee"} if view in ("mine", "waiting") else {FOUND}
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
        if team := self.narrowed.get("team"):
            found = found.filter(team_id=team)
        if tag := self.narrowed.get("tag"):
            found = found.filter(pk__in=tagged_with(tag))
        if kind := self.narrowed.get("channel"):
            found = found.filter(channel_account__kind=kind)
        if days := self.narrowed.get("days"):
            found = found.filter(last_message_at__gte=now() - timedelta(days=int(days)))
        if person := self.narrowed.get("assignee"):
            found = found.filter(assigned_to=id_in(person))
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
            return rows.filter(state=State.PERSON, next_due_at__lte=now()).order_by("next_due_at", "id")
        case "snoozed":
            return rows.filter(snoozed_until__isnull=False).order_by("snoozed_until", "id")
        case "closed":
            rows = rows.filter(state=State.CLOSED)
        case _:
            rows = rows.filter(state__in=LIVE)
    return rows.order_by("-last_message_at", "-id")


def after_in(text: str) -> tuple[Any, UUID] | None:
    """Return the place in the list that the next page begins after; None for what is no place."""
    at, _, pk = text.partition("|")
    try:
        moment = parse_datetime(at)
    except ValueError:
        return None
    found = id_in(pk)
    return (moment, found) if moment and moment.tzinfo and found else None
