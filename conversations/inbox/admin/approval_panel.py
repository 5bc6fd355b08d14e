"""The conversation's excerpt on an approval's page, its state chip and its names."""

from typing import Any, Final

from django.urls import reverse
from django.utils.safestring import SafeString

from console.templatetags.console_ui import chip
from conversations.messages.admin.transcript import turns_of
from conversations.messages.selectors.messages import list_messages
from conversations.models import Conversation
from core.actors import Actor
from core.errors import NotFound
from hitl.approvals.admin import panels
from hitl.models import Approval

EXCERPT: Final = 6


def state_chip(conversation: Conversation) -> SafeString:
    """Return a chip with who answers, or how the conversation ended."""
    if conversation.state == Conversation.State.CLOSED:
        word = "Closed, resolved" if conversation.resolved else "Closed, not resolved"
        return chip(word, "neutral", "check" if conversation.resolved else "ban")
    if conversation.needs_person:
        return chip("Needs a person", "serious", "hand")
    if conversation.state == Conversation.State.PERSON:
        return chip("With a person", "info", "person")
    return chip("Agent answers", "good", "agent")


def customer_name(conversation: Conversation) -> str:
    """Return who writes. A colleague is named ("Mia S."), others are masked."""
    contact, colleague = conversation.contact, conversation.record.user
    if colleague is not None:
        last = colleague.last_name[:1]
        return f"{colleague.first_name} {last}{'.' if last else ''}".strip() or "A colleague"
    return contact.shown_name


def writer_name(conversation: Conversation) -> str:
    """Return the label of the writer's messages: "Customer", or the name of a colleague."""
    is_member = conversation.record.user_id is not None
    return f"{customer_name(conversation)}, colleague" if is_member else "Customer"


class ExcerptPanel(panels.ContextPanel):
    """The last messages of the conversation in which the request was made, masked."""

    title = "Conversation"
    template = "console/excerpt.html"
    permission = "conversations.view_conversation"

    def context(self, *, viewer: Actor, approval: Approval) -> dict[str, Any] | None:
        """Return the messages up to the time of the request; None without a conversation."""
        if approval.conversation_id is None:
            return None
        try:
            page = list_messages(viewer=viewer, conversation_id=approval.conversation_id, limit=50)
        except NotFound:
            return None
        rows = Conversation.objects.select_related("contact__user", "origin__user").defer(
            "contact__display_name", "origin__display_name"
        )
        customer = writer_name(rows.get(pk=approval.conversation_id))
        before = [row for row in page.rows if row.created_at <= approval.created_at]
        url = reverse("admin:conversations_conversation_change", args=[approval.conversation_id])
        asked = next((row.text for row in reversed(before) if row.direction == "in" and row.text), "")
        return {
            "turns": turns_of((before or list(page.rows))[-EXCERPT:], customer=customer),
            "url": url,
            "words": {"who": customer, "text": asked} if asked else None,
        }


panels.register("conversation", ExcerptPanel)
