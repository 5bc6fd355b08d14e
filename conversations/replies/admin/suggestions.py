"""The console's list of replies to review, and the one on a conversation's page."""

from typing import Any, ClassVar, Final

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from console.base.actions import ServiceAction
from console.base.crud import calls
from console.base.forms import ConsoleForm
from console.base.lists import Column, SelectFilter
from console.base.model_admin import ServiceAdmin
from console.extensions import Badge, badges
from console.navigation import DESK, Nav
from console.templatetags.console_ui import chip, moment
from console.viewers import viewer_of
from conversations.inbox.admin.approval_panel import customer_name
from conversations.models import SuggestedReply
from conversations.replies import suggestions
from conversations.replies.selectors import count_to_review, open_suggestion, query_suggestions
from core.actors import Actor

VIEW: Final = "conversations.view_conversation"
REPLY: Final = "conversations.reply_conversation"
WHY: Final = {
    "low_confidence": "The agent wasn't sure enough",
    "gate_instructions": "It repeats the agent's instructions",
    "gate_claim": "It claims something that the records don't show",
}
State = SuggestedReply.State
STATES: Final = {
    State.OPEN: ("warn", "clock"),
    State.SENT: ("good", "check"),
    State.EDITED: ("good", "pen"),
    State.DROPPED: ("neutral", "ban"),
    State.REPLACED: ("neutral", "chat"),
}


class SuggestionForm(ConsoleForm):
    text = forms.CharField(
        label="Suggested reply",
        max_length=settings.TEXT_LIMIT,
        widget=forms.Textarea(attrs={"rows": 5, "dir": "auto"}),
        help_text="Unchanged it's sent as the agent wrote it, with nothing masked.",
    )


class ReviewBadge(Badge):
    """Suggested replies that wait for a review."""

    label, tone, permission = "to review", "warn", VIEW

    def count(self, viewer: Actor) -> int:
        """Return the capped count."""
        return count_to_review(viewer=viewer)


badges.register("conversations.suggestions", ReviewBadge)


class ReviewFilter(SelectFilter):
    """Filter by the outcome of the review; without a choice those to review."""

    title, parameter_name, any_label = "State", "state", "To review"
    options = (*(pair for pair in State.choices if pair[0] != State.OPEN), ("all", "All"))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.chosen() or State.OPEN
        return queryset if chosen == "all" else queryset.filter(state=chosen)


def why_kept(suggestion: SuggestedReply) -> str:
    """Return why a reply was not sent, in words."""
    return WHY.get(suggestion.reason, suggestion.reason.replace("_", " ").capitalize())


@admin.register(SuggestedReply)
class SuggestedReplyAdmin(ServiceAdmin):
    view_permission = VIEW
    nav = Nav("Replies to review", "pen", DESK, order=30, badges=("conversations.suggestions",))
    intro = "Answers that agents wrote but weren't allowed to send. Send one as it is, change it first, or drop it."
    empty_title = "Nothing to review"
    empty_text = "When an agent isn't sure of an answer, a colleague gets it here as a draft."
    masked_fields = ("body", "masked_body")
    list_display = ("customer", "draft", "standing", "because", "sure", "waiting")
    list_filter: ClassVar = [ReviewFilter]
    ordering = ("id",)
    detail_fields = ("customer", "draft", "standing", "because", "sure", "waiting")

    def get_queryset(self, request: HttpRequest) -> QuerySet[SuggestedReply]:
        """Return the suggestions without clear text."""
        rows = query_suggestions(viewer=viewer_of(request)).select_related(
            "conversation__contact__user", "conversation__origin__user", "conversation__channel_account"
        )
        return rows.defer(
            "body",
            "conversation__contact__display_name",
            "conversation__origin__display_name",
            "conversation__channel_account__credentials",
        )

    def object_title(self, suggestion: SuggestedReply) -> str:
        """Return the customer's name, masked."""
        return f"Reply to {customer_name(suggestion.conversation)}"

    def object_url(self, obj: Any) -> str:
        return reverse("admin:conversations_conversation_change", args=[obj.conversation_id])

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        """Start from the agent's text, masked unless the conversation's messages are revealed."""
        return {"text": getattr(obj, "shown_text", obj.masked_body)} if action.path == "send" else {}

    def why_not(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        """Return why it can't be reviewed."""
        if obj.state != State.OPEN:
            return f"This reply was reviewed: {obj.get_state_display().lower()}."
        return ""

    customer = Column[SuggestedReply]("Customer", lambda suggestion: customer_name(suggestion.conversation))

    @admin.display(description="Suggested reply")
    def draft(self, suggestion: SuggestedReply) -> str:
        text = suggestion.masked_body
        return f"{text[:140].rpartition(' ')[0] or text[:140]} …" if len(text) > 142 else text

    standing = Column[SuggestedReply](
        "State", lambda suggestion: chip(suggestion.get_state_display(), *STATES[State(suggestion.state)])
    )
    because = Column[SuggestedReply]("Why it wasn't sent", why_kept)
    sure = Column[SuggestedReply](
        "Confidence",
        lambda suggestion: (
            "–"
            if suggestion.confidence is None
            else format_html('<span class="wk-number">{}</span>', suggestion.confidence)
        ),
    )
    waiting = Column[SuggestedReply]("Written", lambda suggestion: moment(suggestion.created_at))

    send = calls(
        suggestions.send_suggestion,
        "suggestion_id",
        permission=REPLY,
        form=SuggestionForm,
        title="Send",
        tone="primary",
        done="Reply sent.",
    )
    drop = calls(
        suggestions.drop_suggestion,
        "suggestion_id",
        permission=REPLY,
        title="Drop",
        explain="Nothing is sent. You can write your own.",
        done="Suggested reply dropped.",
    )


def review_of(site: admin.AdminSite, request: HttpRequest, conversation_id: Any, *, clear: bool) -> dict[str, Any]:
    """Return the reply to review on a conversation's page, with the actions on it; empty without one."""
    found = open_suggestion(viewer=viewer_of(request), conversation_id=conversation_id, clear=clear)
    if found is None:
        return {}
    suggestion, text = found
    suggestion.shown_text = text  # type: ignore[attr-defined]
    pages = site.get_model_admin(SuggestedReply)
    offered = {offer["action"].path: offer for offer in pages.offered(request, suggestion)}  # type: ignore[attr-defined]
    sees_run = suggestion.run_id is not None and viewer_of(request).may("agents.view_agentrun")
    return {
        "review": {
            "suggestion": suggestion,
            "text": text,
            "why": why_kept(suggestion),
            "sources": [source["title"] for source in suggestion.sources],
            "run_url": reverse("admin:agents_agentrun_change", args=[suggestion.run_id]) if sees_run else "",
            "send": offered.get("send"),
            "drop": offered.get("drop"),
        }
    }
