"""The inbox: views, a list, and the conversation that is open, on one page."""

from collections.abc import Collection, Mapping
from typing import Any, ClassVar, Final
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from accounts.selectors import moving_on
from console.base.actions import ServiceAction, action_url
from console.base.lists import days_of, words_of_days
from console.base.model_admin import ServiceAdmin
from console.base.saved_views import menu_of
from console.navigation import DESK, Nav
from console.viewers import opens_beside_list, reads_rest, viewer_of
from conversations.inbox.admin.bulk import CHANGES
from conversations.inbox.admin.choices import REPLY, choices_of
from conversations.inbox.admin.place import (
    ALL,
    BY_ID,
    DAYS,
    KEPT,
    NOBODY,
    PRIORITIES,
    SAVED,
    STATES,
    VIEWS,
    Place,
)
from conversations.inbox.admin.rows import row_of
from conversations.inbox.admin.search import FOUND, words_of
from conversations.inbox.selectors import counts
from conversations.inbox.selectors.search import WORDS_LIMIT
from conversations.inbox.teams.seen import read_found
from conversations.inbox.teams.selectors import waiting_by_team
from conversations.models import Conversation
from conversations.replies.admin.canned_replies import id_in
from core.actors import Actor
from core.events import streams
from core.reach import channels

PAGE: Final = 50
OLD_LIST: Final = "conversations_conversation_changelist"
FROM: Final = "inbox"
MOVES_ON: Final = ("reply", "close", "snooze")
EMPTY: Final = {
    "mine": ("Nothing assigned to you", "Conversations you take over or that are assigned to you appear here."),
    "waiting": ("Nobody is waiting", "Conversations that need a person appear here at once."),
    "late": ("Nothing is late", "Every answer is within its team's targets."),
    "open": ("No open conversations", "Conversations appear here as soon as someone writes."),
    "snoozed": ("Nothing is snoozed", "Snoozed conversations stay here until their time is up."),
    "closed": ("Nothing is closed yet", ""),
    "all": ("No conversations yet", "Conversations appear here as soon as someone writes."),
}
NARROWED: Final = {
    "view": "View", "team": "Team", "channel": "Channel", "days": "Date", "priority": "Priority", "tag": "Tag",
    "field": "Field", "assignee": "Assignee",
}  # fmt: skip
"""What an address can narrow the inbox to, as the page names it."""
NOT_FOUND: Final = (
    "Nothing found",
    "No message has all these words, no conversation or request this reference, or a filter hides it. "
    "Masked text isn't searched.",
)
SEARCH_OVER: Final = ("This search has expired", "Search words are kept for one hour. Search again.")


class InboxPage(ServiceAdmin):
    """The list of conversations, with one of them beside it."""

    nav = Nav("Inbox", "send", DESK, order=10, badges=("conversations.needs_person",))
    # Conversations stand below the address of an earlier list.
    site_pages: ClassVar = ((Nav(nav.label, "send", DESK, order=11, within=nav.label), OLD_LIST),)
    has_saved_views = True
    view_parameter = SAVED

    def list_url(self) -> str:
        """Return the address of the inbox."""
        return reverse("admin:inbox")

    def list_parameters(self) -> Collection[str]:
        """Return the parameters that a saved view keeps."""
        return KEPT

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Lead from the address of an earlier list to the inbox, narrowed alike."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET"])
        if not self.has_view_permission(request):
            raise PermissionDenied("Your role can't open this page.")
        return HttpResponseRedirect(Place.of_list(request).url())

    def get_site_urls(self) -> list[URLPattern]:
        """Add the inbox, directly below the console's address."""
        return [path("inbox/", self.admin_site.admin_view(self.inbox_view), name="inbox")]

    def inbox_view(self, request: HttpRequest) -> HttpResponse:
        """Show the inbox; without a script it is links and forms."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET"])
        if not self.has_view_permission(request):
            raise PermissionDenied("Your role can't open this page.")
        chosen = id_in(request.GET.get("conversation"))
        obj = self.object_or_404(request, chosen) if chosen else None
        if obj is not None and reads_rest(request):
            return self._rest(request, obj)
        template, context = "console/inbox.html", self.admin_site.each_context(request)
        if obj is not None and opens_beside_list(request):
            template, context["forms_later"] = "console/conversation/beside.html", True
            context |= self._beside_list(request, obj)
        else:
            context |= self._list_of(request, obj)
        if obj is not None:
            context |= self.detail_context(request, obj)
            context |= {"obj": obj, "talk_title": self.object_title(obj), "heading": "h2"}
        return TemplateResponse(request, template, {**context, "title": "Inbox", "opts": self.opts})

    def _beside_list(self, request: HttpRequest, obj: Conversation) -> dict[str, Any]:
        """Return what a conversation says of the list beside it, which isn't read again."""
        place = _place(request).known(**picks_of(request))
        self.prepare_rows(request, [obj])
        request.inbox_next = id_in(request.GET.get("next"))  # type: ignore[attr-defined]
        return {"live_heads": streams.heads([obj.stream]), **conversation_urls(place, obj)}

    def rest_context(self, request: HttpRequest, obj: Conversation) -> dict[str, Any]:
        """Return what stands beside a conversation's messages, and in the menus of the reply."""
        raise NotImplementedError

    def _rest(self, request: HttpRequest, obj: Conversation) -> HttpResponse:
        """Show what a page left out that opened a conversation beside its list."""
        self.prepare_rows(request, [obj])
        kept = conversation_urls(_place(request).known(**picks_of(request)), obj)
        context = {**kept, **self.rest_context(request, obj), "obj": obj, "forms_later": True}
        return TemplateResponse(request, "console/conversation/rest.html", context)

    def _list_of(self, request: HttpRequest, obj: Conversation | None) -> dict[str, Any]:
        """Return the views, what they can be narrowed to, and one page. A constant number of queries."""
        viewer = viewer_of(request)
        known, picks = choices_of(request), picks_of(request)
        team_names = picks["team"]
        place = _place(request).known(**picks)
        words = words_of(request)

        def fetch() -> list[Conversation]:
            return list(place.rows(self.get_queryset(request), viewer, words)[: PAGE + 1])

        found = read_found(viewer, fetch) if words else fetch()
        page = found[:PAGE]
        self.prepare_rows(request, page if obj is None else [*page, obj])
        unread = counts.count_unread(viewer=viewer, rows=page)
        chosen = None if obj is None else obj.pk
        heads = streams.heads(["inbox", *([obj.stream] if obj else [])])
        below = following([row.pk for row in page], chosen)
        request.inbox_next = below  # type: ignore[attr-defined]
        older = page[-1] if place.has_pages and len(found) > PAGE else None
        gone = {name: request.GET[name] for name in BY_ID if request.GET.get(name) and name not in place.narrowed}
        back = f"{place.url().partition('?')[2]}&from={FROM}"
        return {
            "views": views_at(place, viewer),
            "view_title": "Search results" if FOUND in place.narrowed else title_of(place, team_names),
            "teams": teams_at(
                place,
                waiting_by_team(viewer=viewer) if known.teams and viewer.may(self.view_permission) else {},
                team_names,
            ),
            "search": self.search_box(request, place, words),
            "chips": chips_at(place, picks),
            "saved": menu_of(self, request, ignored=gone),
            "unnarrowed_url": Place(place.view).url() if place.narrowed else "",
            "place": {name: value for name, value in place.asked().items() if name in ("view", "team", FOUND)},
            "rows": [
                row_of(row, unread=unread.get(row.pk, 0), chosen=chosen) | {"url": place.url(conversation=str(row.pk))}
                for row in page
            ],
            "older_url": Place(place.view, place.narrowed, f"{older.last_message_at.isoformat()}|{older.pk}").url()
            if older
            else "",
            "live_heads": heads,
            "has_arrived": "arrived" in request.GET,
            "newest_url": place.narrowed_to().url() if place.after else "",
            **conversation_urls(place, obj),
            "batch_url": f"{action_url(self, self.service_actions['bulk'], None)}?{back}" if viewer.may(REPLY) else "",
            "begin_url": f"{action_url(self, self.service_actions['begin'], None)}?{back}" if viewer.may(REPLY) else "",
            "changes": CHANGES,
            "left_out": left_out_of(request, place),
            **words_for_nothing(place, words, known.tags),
        }

    def search_box(self, request: HttpRequest, place: Place, words: str) -> dict[str, Any]:
        """Return the box to search in, with the words of the search that is shown."""
        url = action_url(self, self.service_actions["search"], None)
        is_over = FOUND in place.narrowed and not words
        return {
            "url": f"{url}?view={place.view}",
            "words": words,
            "limit": WORDS_LIMIT,
            "end_url": place.narrowed_to(found="").url() if words or is_over else "",
        }

    def offered(self, request: HttpRequest, obj: Any, *, on_list: bool = False) -> list[dict[str, Any]]:
        """Return the actions; those of the inbox lead back to it, and some on to the next conversation."""
        found = super().offered(request, obj, on_list=on_list)
        if on_list or request.resolver_match is None or request.resolver_match.url_name != "inbox":
            return found
        back = f"{_place(request).url().partition('?')[2]}&from={FROM}"
        following = getattr(request, "inbox_next", None)
        on = f"{back}&next={following}" if following else back
        return [
            {**offer, "url": f"{offer['url']}?{on if offer['action'].path in MOVES_ON else back}"} for offer in found
        ]

    def after_action_url(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        """Return to the inbox, if that is where the form was; after an answer, at the next conversation."""
        if request.GET.get("from") != FROM:
            return super().after_action_url(request, action, obj)
        place = _place(request)
        if obj is None:
            return place.url()
        if not self.moves_on(request, action.path):
            return place.url(conversation=str(obj.pk))
        following = self.next_of(request, place, obj)
        if following:
            return place.url(conversation=str(following), arrived="1")
        is_there = place.rows(self.object_rows(request), viewer_of(request), words_of(request)).filter(pk=obj.pk)
        return place.url(conversation=str(obj.pk)) if is_there.exists() else place.url()

    def left_url(self, request: HttpRequest) -> str:
        """Return the list that the form was beside."""
        return _place(request).url() if request.GET.get("from") == FROM else self.list_url()

    def moves_on(self, request: HttpRequest, path: str) -> bool:
        """Return True if the next conversation opens after an action."""
        is_here = path in MOVES_ON and request.method == "POST" and request.GET.get("from") == FROM
        return is_here and moving_on(viewer=viewer_of(request))["answer"]

    def next_of(self, request: HttpRequest, place: Place, obj: Conversation) -> UUID | None:
        """Return what came next in the list, if it is still there, else the first that waits for an answer."""
        rows = Place(place.view, place.narrowed).rows(self.object_rows(request), viewer_of(request), words_of(request))
        others = rows.exclude(pk=obj.pk)
        wanted = id_in(request.GET.get("next"))
        if wanted and others.filter(pk=wanted).exists():
            return wanted
        first: UUID | None = others.filter(waiting_since__isnull=False).values_list("pk", flat=True).first()
        return first


def _place(request: HttpRequest) -> Place:
    """Return where the request is; who answers nobody begins with all open conversations."""
    return Place.of(request, home="mine" if viewer_of(request).may(REPLY) else "open")


def picks_of(request: HttpRequest) -> dict[str, Mapping[Any, str]]:
    """Return the teams, tags, values of custom fields and people that the viewer can narrow the inbox to."""
    viewer, known = viewer_of(request), choices_of(request)
    seen = viewer.teams
    return {
        "team": {pk: name for pk, name in known.teams.items() if seen is None or pk in seen},
        "tag": known.tags,
        "field": known.values,
        "assignee": people_first_me(viewer, known.repliers),
    }


def conversation_urls(place: Place, obj: Conversation | None) -> dict[str, str]:
    """Return the address of the list alone, and what links within the open conversation keep of it."""
    keep = f"{place.url(conversation=str(obj.pk)).partition('?')[2]}&" if obj else ""
    return {"list_only_url": place.url(), "keep": keep}


def following(page: list[UUID], chosen: UUID | None) -> UUID | None:
    """Return what stands below the open conversation, or the first row if it isn't on this page."""
    below = page[page.index(chosen) + 1 :] if chosen in page else page
    return below[0] if below else None


def views_at(place: Place, viewer: Actor) -> list[dict[str, Any]]:
    """Return the views, each narrowed as this place is, with the keys to its neighbours."""
    codes = [code for code, *_ in VIEWS]
    at = -1 if FOUND in place.narrowed else codes.index(place.view)
    before, after = ("[ Shift+K", "Previous view"), ("] Shift+J", "Next view")
    keys = {} if at < 0 else {codes[at - 1]: before, codes[(at + 1) % len(codes)]: after}
    tones = {"late": "danger", "mine": "neutral"}
    found = counts.count_views(viewer=viewer)
    return [
        {
            "label": label,
            "icon": icon,
            "url": place.at(code).url(),
            "is_chosen": number == at,
            "keys": keys.get(code, ""),
            "count": _shown(found[code]),
            "tone": tones.get(code, "warn"),
        }
        for number, (code, label, icon) in enumerate(VIEWS)
    ]


def teams_at(place: Place, waiting: Mapping[UUID, Any], names: Mapping[UUID, str]) -> list[dict[str, Any]]:
    """Return the teams, each with how many wait there."""
    chosen = id_in(place.narrowed.get("team"))
    other = place.at("waiting" if place.view == "mine" else place.view)
    return [
        {
            "label": name,
            "url": (place.narrowed_to(team="", found="") if pk == chosen else other.narrowed_to(team=str(pk))).url(),
            "is_chosen": pk == chosen,
            "count": _shown(waiting.get(pk, (0, None))[0]),
        }
        for pk, name in names.items()
    ]


def left_out_of(request: HttpRequest, place: Place) -> list[str]:
    """Return the titles of what the address asks for and doesn't exist for this person."""
    asked, found = request.GET, place.asked()
    return [title for name, title in NARROWED.items() if asked.get(name) and asked[name] != found.get(name)]


def chips_at(place: Place, picks: dict[str, Mapping[Any, str]]) -> list[dict[str, Any]]:
    """Return what a view can be narrowed to, each with its choices."""
    people = [(NOBODY, "Nobody"), *((str(pk), name) for pk, name in picks["assignee"].items())]
    given = (
        ("state", "State", list(STATES.items()) if place.view == ALL or FOUND in place.narrowed else []),
        ("channel", "Channel", channels.kinds()),
        ("days", "Date", days_offered(place)),
        ("priority", "Priority", list(PRIORITIES.items())),
        ("tag", "Tag", [(str(pk), name) for pk, name in picks["tag"].items()]),
        ("field", "Field", list(picks["field"].items())),
        ("assignee", "Assignee", people if place.view not in ("mine", "waiting") else []),
    )
    return [
        {"name": name, "label": label, "choices": choices, "chosen": place.narrowed.get(name, "")}
        for name, label, choices in given
        if choices
    ]


def days_offered(place: Place) -> list[tuple[str, str]]:
    """Return the days to choose from, with those that the place is narrowed to, as links of figures do."""
    chosen = place.narrowed.get("days", "")
    named = days_of(chosen)
    return [*DAYS.items(), *([(chosen, words_of_days(named))] if named else [])]


def people_first_me(viewer: Actor, people: Mapping[UUID, str]) -> Mapping[UUID, str]:
    """Return who conversations can be assigned to, the viewer first."""
    me = {viewer.user_id: "Me"} if viewer.user_id else {}
    return {**me, **{pk: name for pk, name in people.items() if pk not in me}}


def title_of(place: Place, teams: Mapping[UUID, str]) -> str:
    """Return the heading of a place."""
    view = {code: label for code, label, _ in VIEWS}[place.view]
    team = id_in(place.narrowed.get("team"))
    return f"{view}: {teams[team]}" if team is not None and team in teams else view


def words_for_nothing(place: Place, words: str, tags: Mapping[UUID, str]) -> dict[str, str]:
    """Return what an empty list says."""
    if FOUND in place.narrowed:
        title, text = NOT_FOUND if words else SEARCH_OVER
    elif tag := place.narrowed.get("tag"):
        title, text = f"Nothing here is tagged “{tags[UUID(tag)]}”", "Choose another tag or view."
    elif set(place.narrowed) - {"team"}:
        title, text = "No conversations match these filters", "Remove a filter or choose another view."
    else:
        title, text = EMPTY[place.view]
    return {"empty_title": title, "empty_text": text}


def _shown(count: int) -> str:
    return "" if not count else f"{count - 1}+" if count > PAGE else str(count)
