"""What the console says about who can be written to: blocks of an address, and the line above the reply box."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from django.urls import reverse

from conversations.inbox.admin.forms import shown_preview
from conversations.inbox.teams.seen import seen_conversations
from conversations.messages.reach import Addresses, Reachability, judge_reply
from conversations.models import ContactPoint, Conversation, MessageTemplate
from core.actors import Actor
from core.reach import ledger
from core.reach.channels import label_of
from core.reach.gate import REFUSALS
from core.reach.verdict import (
    ANY,
    BLOCKED,
    STOPPABLE,
    UNREACHABLE,
    WINDOW_CLOSED,
    Entry,
    has_objected,
    is_blocked,
    is_unreachable,
)

NO_WAY: Final = "This contact has no address on this channel."
NO_TEMPLATE: Final = "They last wrote more than 24 hours ago, and this number has no template to send instead."
SHOWN: Final = 3


def blocks_of(entries: Sequence[Entry]) -> list[str]:
    """Return why an address can't be written to, in words."""
    found = ["Blocked by a colleague"] if is_blocked(entries, ANY) else []
    for channel in sorted({entry.channel for entry in entries}):
        name = "every channel" if channel == ANY else label_of(channel)
        objected = [purpose for purpose in STOPPABLE if has_objected(entries, channel, purpose)]
        if len(objected) == len(STOPPABLE):
            found.append(f"Opted out of {name}")
        elif objected:
            found.append(f"Opted out of {' and '.join(objected)} on {name}")
        if is_unreachable(entries, channel, None):
            found.append(f"Not reachable on {name}")
    return found


def addresses_of(conversation: Conversation) -> Addresses:
    """Return the contact's addresses without their values, the primary first; read once for each page."""
    found: Addresses | None = getattr(conversation, "addresses", None)
    if found is None:
        rows = ContactPoint.objects.filter(contact_id=conversation.contact_id).defer("value")
        points = list(rows.order_by("-is_primary", "kind", "id"))
        found = Addresses(points, ledger.entries_of(point.value_index for point in points))
        conversation.addresses = found  # type: ignore[attr-defined]
    return found


def reach_of(conversation: Conversation) -> Reachability:
    """Return whether a reply can be sent; the gate is asked once for each page."""
    found: Reachability | None = getattr(conversation, "reachability", None)
    if found is None:
        found = judge_reply(conversation, read=addresses_of(conversation))
        conversation.reachability = found  # type: ignore[attr-defined]
    return found


def why_no_reply(conversation: Conversation) -> str:
    """Return why nobody can reply now, neither by text nor by template; "" if somebody can."""
    found = reach_of(conversation)
    if found.can_reply or found.can_send_template:
        return ""
    return NO_TEMPLATE if found.refusal == WINDOW_CLOSED else REFUSALS.get(found.refusal, NO_WAY)


def agent_meanwhile(conversation: Conversation, viewer_id: UUID | None) -> str:
    """Return what the agent does while a colleague looks at the conversation; "" once it is closed."""
    if conversation.state == Conversation.State.CLOSED:
        return ""
    if conversation.state == Conversation.State.AGENT:
        return "The agent answers until you reply or take over."
    if conversation.assigned_to_id is None:
        return "The agent is silent: the customer waits for a colleague. Your reply assigns it to you."
    if conversation.assigned_to_id == viewer_id:
        return "The agent is silent until you hand the conversation back."
    return "The agent is silent: a colleague has this conversation."


def needs_template(conversation: Conversation) -> bool:
    """Return True if a reply can only be sent as a template now."""
    found = reach_of(conversation)
    return found.can_send_template and not found.can_reply


def templates_offered(conversation: Conversation) -> tuple[MessageTemplate, ...]:
    """Return the templates that a reply can be sent as, the one in the contact's language first."""
    return reach_of(conversation).templates


def reply_context(viewer: Actor, conversation: Conversation) -> dict[str, Any]:
    """Return what stands above the reply box: the end of the window, and other ways where it is closed."""
    if conversation.state == Conversation.State.CLOSED:
        return {}
    found = reach_of(conversation)
    return {
        "window_ends_at": found.window_ends_at if found.has_window and found.can_reply else None,
        "needs_template": needs_template(conversation),
        "template_preview": shown_preview(found.templates[0]) if len(found.templates) == 1 else "",
        "carries_text": any(one.variables for one in found.templates),
        "other_ways": [] if found.can_reply else _other_ways(viewer, conversation),
        "can_unblock": found.refusal == BLOCKED,
        "can_wait": found.refusal in (WINDOW_CLOSED, UNREACHABLE),
    }


def _other_ways(viewer: Actor, conversation: Conversation) -> list[tuple[str, str]]:
    """Return the contact's newest conversations on other channels, by name and URL."""
    rows = seen_conversations(viewer).filter(contact_id=conversation.contact_id).select_related("channel_account")
    others = rows.exclude(channel_account_id=conversation.channel_account_id).exclude(state=Conversation.State.CLOSED)
    lean = others.defer("channel_account__credentials").order_by("-last_message_at")[:SHOWN]
    return [
        (row.channel_account.kind_label, reverse("admin:conversations_conversation_change", args=[row.pk]))
        for row in lean
    ]
