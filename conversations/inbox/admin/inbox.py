"""The inbox: views and teams, a list, and the conversation that is open, on one page."""

from typing import Any, ClassVar, Final
from urllib.parse import urlencode
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html

from console.base.actions import ServiceAction
from console.base.model_admin import ServiceAdmin
from console.navigation import DESK, Nav
from console.viewers import viewer_of
from conversations.inbox.admin.approval_panel import customer_name, state_chip
from conversations.inbox.admin.filters import tagged_with
from conversations.inbox.selectors import counts
from conversations.inbox.teams.selectors import waiting_by_team
from conversations.messages.admin.interpretation import due_chip, priority_chips
from conversations.models import LIVE, WAITS_FOR_PERSON, Conversation, Tag, Team
from core.actors import Actor
from core.clock import now

PAGE: Final = 50
FROM: Final = "inbox"
State = Conversation.State
VIEWS: Final = (
    ("mine", "Mine"),
    ("waiting", "Waiting"),
    ("late", "Late"),
    ("open", "All open"),
    ("snoozed", "Snoozed"),
    ("closed", "Closed"),
)
EMPTY: Final = {
    "mine": ("Nothing is yours", "Conversations that you take or are given appear here."),
    "waiting": ("Nobody is waiting", "Conversations that need a person appear here at once."),
    "late": ("Nothing is late", "Every answer is within its team's targets."),
    "open": ("No open conversations", "Conversations appear here as soon as someone writes."),
    "snoozed": ("Nothing is snoozed", "Snoozed conversations rest here until their time has come."),
    "closed": ("Nothing is closed yet", ""),
}
DUE_FIRST: Final = ("-priority", F("next_due_at").asc(nulls_last=True), "escalated_at", "id")


def rows_of(rows: QuerySet[Conversation], view: str, viewer: Actor) -> QuerySet[Conversation]:
    """Return the conversations of a view in its order."""
    match view:
        case "mine":
            rows = rows.filter(state=State.PERSON, assigned_to=viewer.user_id, snoozed_until=None)
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


class InboxPage(ServiceAdmin):
    """Adds the inbox to the pages of conversations."""

    site_pages: ClassVar = ((Nav("Inbox", "send", DESK, order=10, badges=("conversations.needs_person",)), "inbox"),)

    def get_site_urls(self) -> list[URLPattern]:
        """Add the inbox, directly below the console's address."""
        return [path("inbox/", self.admin_site.admin_view(self.inbox_view), name="inbox")]

    def inbox_view(self, request: HttpRequest) -> HttpResponse:
        """Show the inbox; without a script it is links and forms."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET"])
        if not self.has_view_permission(request):
            raise PermissionDenied("Your role can't open this page.")
        chosen = _id(request.GET.get("conversation"))
        obj = self.object_or_404(request, chosen) if chosen else None
        context = {**self.admin_site.each_context(request), **self._list_of(request, obj)}
        if obj is not None:
            self.prepare_detail(request, obj)
            context |= self.detail_context(request, obj)
            context |= {"obj": obj, "talk_title": self.object_title(obj), "heading": "h2"}
        return TemplateResponse(request, "console/inbox.html", {**context, "title": "Inbox", "opts": self.opts})

    def _list_of(self, request: HttpRequest, obj: Conversation | None) -> dict[str, Any]:
        """Return the views, the teams and one page of conversations. A constant number of queries."""
        viewer = viewer_of(request)
        view, team_id = _view(request), _id(request.GET.get("team"))
        teams = Team.objects.order_by("name")
        teams = teams if viewer.teams is None else teams.filter(pk__in=viewer.teams)
        names = dict(teams.values_list("pk", "name"))
        if team_id not in names:
            team_id = None
        tags = dict(Tag.objects.order_by("name").values_list("pk", "name"))
        tag_id = _id(request.GET.get("tag"))
        if tag_id not in tags:
            tag_id = None
        rows = rows_of(self.get_queryset(request), view, viewer)
        rows = rows.filter(team_id=team_id) if team_id else rows
        rows = rows.filter(pk__in=tagged_with(str(tag_id))) if tag_id else rows
        by_activity = view in ("mine", "open", "closed")
        after = _after(request.GET.get("after", "")) if by_activity else None
        if after is not None:
            at, pk = after
            rows = rows.filter(Q(last_message_at__lt=at) | Q(last_message_at=at, pk__lt=pk))
        found = list(rows[: PAGE + 1])
        page = found[:PAGE]
        self.prepare_rows(request, page)
        tagged = {"tag": str(tag_id)} if tag_id else {}
        narrowed = {**({"team": str(team_id)} if team_id else {}), **tagged}
        here = {"view": view, **narrowed}
        place = {**here, **({"after": request.GET["after"]} if after else {})}
        waiting = waiting_by_team(viewer=viewer)
        older = page[-1] if by_activity and len(found) > PAGE else None
        return {
            "views": [
                {
                    "label": label,
                    "url": _url(view=code, **narrowed),
                    "is_chosen": code == view,
                    "count": _shown(counts.count_of_view(viewer=viewer, view=code)),
                    "tone": "danger" if code == "late" else "neutral" if code == "mine" else "warn",
                }
                for code, label in VIEWS
            ],
            "teams": [
                {
                    "label": name,
                    "url": _url(view="waiting" if view == "mine" else view, team=str(pk), **tagged),
                    "is_chosen": pk == team_id,
                    "count": _shown(waiting.get(pk, (0, None))[0]),
                }
                for pk, name in names.items()
            ],
            "tags": [{"id": str(pk), "label": name, "is_chosen": pk == tag_id} for pk, name in tags.items()],
            "tag_here": {name: value for name, value in here.items() if name != "tag"},
            "untagged_url": _url(**{name: value for name, value in here.items() if name != "tag"}) if tag_id else "",
            "rows": [
                {
                    "talk": row,
                    "who": customer_name(row),
                    "words": self.last_words(row),  # type: ignore[attr-defined]
                    "at": row.waiting_since if row.needs_person and row.waiting_since else row.last_message_at,
                    "chips": format_html(
                        "{} {} {} {}", _state(row), priority_chips(row), due_chip(row), getattr(row, "tag_chips", "")
                    ),
                    "assignee": getattr(row, "assignee_name", ""),
                    "url": _url(**place, conversation=str(row.pk)),
                    "is_chosen": obj is not None and row.pk == obj.pk,
                }
                for row in page
            ],
            "older_url": _url(**here, after=f"{older.last_message_at.isoformat()}|{older.pk}") if older else "",
            "newest_url": _url(**here) if after else "",
            "list_only_url": _url(**place),
            "keep": f"{urlencode({**place, 'conversation': str(obj.pk)})}&" if obj else "",
            "empty_title": f"Nothing here is tagged “{tags[tag_id]}”" if tag_id else EMPTY[view][0],
            "empty_text": "Choose another tag or view." if tag_id else EMPTY[view][1],
        }

    def offered(self, request: HttpRequest, obj: Any, *, on_list: bool = False) -> list[dict[str, Any]]:
        """Return the actions; those of the inbox lead back to it."""
        found = super().offered(request, obj, on_list=on_list)
        if on_list or request.resolver_match is None or request.resolver_match.url_name != "inbox":
            return found
        asked = {name: request.GET[name] for name in ("view", "team", "tag", "after") if name in request.GET}
        return [{**offer, "url": f"{offer['url']}?{urlencode({**asked, 'from': FROM})}"} for offer in found]

    def after_action_url(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        """Return to the inbox, if that is where the form was."""
        if request.GET.get("from") != FROM or obj is None:
            return super().after_action_url(request, action, obj)
        place = {"view": _view(request)}
        if team_id := _id(request.GET.get("team")):
            place["team"] = str(team_id)
        if tag_id := _id(request.GET.get("tag")):
            place["tag"] = str(tag_id)
        if _after(request.GET.get("after", "")):
            place["after"] = request.GET["after"]
        return _url(**place, conversation=str(obj.pk))


def _url(**asked: str) -> str:
    return f"{reverse('admin:inbox')}?{urlencode(asked)}"


def _view(request: HttpRequest) -> str:
    """Return the chosen view; the first one for another word."""
    wanted = request.GET.get("view", "")
    return wanted if wanted in dict(VIEWS) else "waiting" if request.GET.get("team") else "open"


def _state(row: Conversation) -> Any:
    """Return who answers, where that isn't said by the view."""
    return state_chip(row) if row.state != State.PERSON or row.needs_person else ""


def _shown(count: int) -> str:
    return "" if not count else f"{count - 1}+" if count > PAGE else str(count)


def _id(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def _after(text: str) -> tuple[Any, UUID] | None:
    """Return the place in the list that the next page begins after; None for what is no place."""
    at, _, pk = text.partition("|")
    try:
        moment = parse_datetime(at)
    except ValueError:
        return None
    found = _id(pk)
    return (moment, found) if moment and moment.tzinfo and found else None
