"""The page of a team's internal chat."""

from operator import itemgetter
from typing import Any, ClassVar, Final
from uuid import UUID

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from accounts.selectors import list_members
from console.base.actions import ServiceAction, action_url, service_action
from console.base.forms import ConsoleForm
from console.base.model_admin import ServiceAdmin
from console.extensions import Badge, badges, clear_badges
from console.names import names_of
from console.viewers import viewer_of
from conversations.inbox.teams.selectors import members_of
from conversations.inbox.threads.models import MANAGE, chat_stream, may_chat
from conversations.inbox.threads.selectors import count_unread, read_team_chat
from conversations.inbox.threads.team_chat import (
    changeable_team_messages,
    note_team_chat_read,
    revise_team_message,
    write_to_team,
)
from conversations.inbox.threads.thread import NOTE_LIMIT
from conversations.messages.admin.transcript import notes_of
from conversations.models import Team
from core.actors import Actor
from core.errors import NotFound, WalkerError
from core.tenancy.scope import current_tenant_id

REPLY: Final = "conversations.reply_conversation"
SAY: Final = "say"
EDIT: Final = "edit-message"
URL: Final = "conversations_team_chat"


class SayForm(ConsoleForm):
    text = forms.CharField(
        label="Message",
        max_length=NOTE_LIMIT,
        widget=forms.Textarea(attrs={"rows": 3, "data-mentions": "mentions"}),
        help_text="Only your team and those who manage the inbox can read it. Write @ and a full name to mention them.",
    )
    mentions = forms.ChoiceField(label="Mention somebody (optional)", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = sorted(self.initial.get("people", ()), key=itemgetter(1))
        self.fields["mentions"].choices = [("", "Nobody"), *people]  # type: ignore[attr-defined]

    def mentioned(self) -> list[UUID]:
        """Return who was chosen."""
        return [UUID(self.cleaned_data["mentions"])] if self.cleaned_data["mentions"] else []


class EditMessageForm(ConsoleForm):
    note_id = forms.UUIDField(widget=forms.HiddenInput)
    text = forms.CharField(label="Message", max_length=NOTE_LIMIT, widget=forms.Textarea(attrs={"rows": 3}))


class TeamChatPages(ServiceAdmin):
    """The chat of a team: a page of its own, which works without JavaScript and is refreshed by its topic."""

    chat_actions: ClassVar[tuple[str, ...]] = (SAY, EDIT)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.chat_view)
        return [path("<uuid:object_id>/chat/", view, name=URL), *super().get_urls()]

    def chat_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """Show the chat of a team, and note that it was read."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET"])
        viewer = viewer_of(request)
        before = request.GET.get("before", "")
        number = int(before) if before.isascii() and before.isdigit() and len(before) < 16 else None
        try:
            page = read_team_chat(viewer=viewer, team_id=object_id, before=number)
            if number is None and request.method == "GET":
                note_team_chat_read(actor=viewer, team_id=object_id, seq=page.newest)
                clear_badges(viewer, current_tenant_id())
        except NotFound as error:
            raise Http404(error.detail) from error
        except WalkerError as error:
            raise PermissionDenied(error.detail) from error
        team = self.object_or_404(request, object_id)
        offers = {offer["action"].path: offer for offer in self._chat_offers(request, team)}
        own = changeable_team_messages(actor=viewer, team_id=object_id)
        context = {
            **self.admin_site.each_context(request),
            "title": f"{team} chat",
            "opts": self.opts,
            "obj": team,
            "list_title": self.list_label,
            "list_url": self.list_url(),
            "team_url": self.object_url(team),
            "live_name": chat_stream(object_id),
            "notes": notes_of(page.rows, own, names_of(row.author_id for row in page.rows)),
            "first_unread": page.first_unread,
            "earlier": page.earlier,
            "is_earlier_part": number is not None,
            "say": offers.get(SAY),
            "edit_note": offers.get(EDIT),
        }
        return TemplateResponse(request, "console/team_chat.html", context)

    def _chat_offers(self, request: HttpRequest, team: Team) -> list[dict[str, Any]]:
        actions = [self.service_actions[name] for name in self.chat_actions]
        may = [action for action in actions if viewer_of(request).may(action.permission)]
        forms_of = [(action, action_url(self, action, team), self.action_form(request, action, team)) for action in may]
        return [{"action": action, "url": url, "form": form, "blocked": ""} for action, url, form in forms_of]

    def chat_url(self, team: Team) -> str:
        """Return the address of a team's chat."""
        return reverse(f"{self.admin_site.name}:{URL}", args=[team.pk])

    def chat_link(self, request: HttpRequest, team: Team) -> str:
        """Return the link to a team's chat, with what is unread; "" for those who can't read it."""
        viewer = viewer_of(request)
        if not may_chat(viewer=viewer, team_id=team.pk):
            return ""
        count = count_unread(viewer=viewer).get(team.pk, 0)
        words = f"Open the chat ({count} unread)" if count else "Open the chat"
        return format_html('<a href="{}">{}</a>', self.chat_url(team), words)

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        if action.path == SAY and obj is not None:
            seats = set(members_of(team_id=obj.pk))
            managers = {member.user_id for member in list_members(permission=MANAGE)}
            able = list_members(permission=REPLY)
            return {
                "people": [
                    (str(one.user_id), one.user.get_full_name()) for one in able if one.user_id in seats | managers
                ]
            }
        return {} if action.path in self.chat_actions else super().form_initial(request, action, obj)

    def why_not(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        if action.path in self.chat_actions and not may_chat(viewer=viewer_of(request), team_id=obj.pk):
            return "Only the people of this team can write in its chat."
        return super().why_not(request, action, obj)

    def after_action_url(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        if action.path in self.chat_actions:
            return f"{self.chat_url(obj)}#h-say"
        return super().after_action_url(request, action, obj)

    def detail_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """Leave the chat's forms to its own page, and link to it."""
        context = super().detail_context(request, obj)
        context["offered"] = [offer for offer in context["offered"] if offer["action"].path not in self.chat_actions]
        if link := self.chat_link(request, obj):
            context["rows"].append(("Team chat", link))
        return context

    @service_action(path=SAY, title="Write to the team", permission=REPLY, form=SayForm, submit="Send", tone="primary")
    def say(self, request: HttpRequest, obj: Team, form: SayForm) -> str:
        viewer = viewer_of(request)
        said = write_to_team(actor=viewer, team_id=obj.pk, text=form.cleaned_data["text"], mentions=form.mentioned())
        count = sum(person != viewer.user_id for person in said.mentions)
        return f"Sent. {count} colleague{'s were' if count > 1 else ' was'} told." if count else ""

    @service_action(path=EDIT, title="Change message", permission=REPLY, form=EditMessageForm, submit="Save message")
    def edit_message(self, request: HttpRequest, obj: Team, form: ConsoleForm) -> str:
        said = form.cleaned_data
        revise_team_message(actor=viewer_of(request), team_id=obj.pk, message_id=said["note_id"], text=said["text"])
        return "Message changed."


class UnreadBadge(Badge):
    """Messages in the chats of one's teams that one hasn't read."""

    label, tone, permission = "unread in team chats", "accent", REPLY

    def count(self, viewer: Actor) -> int:
        return sum(count_unread(viewer=viewer).values())


badges.register("conversations.team_chats", UnreadBadge)
