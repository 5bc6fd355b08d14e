"""A row of the inbox's list: two lines about a conversation, masked."""

from typing import Any, Final
from uuid import UUID

from console.templatetags.console_ui import distance
from conversations.inbox.admin.approval_panel import customer_name
from conversations.messages.admin.interpretation import SOON
from conversations.models import Conversation, Priority
from core.clock import now

ICONS: Final = {"email": "mail", "whatsapp": "phone", "slack": "users", "app": "phone"}
"""The icons of kinds of channels; a chat's for all others."""
LONGEST: Final = 92
TONES: Final = ("info", "accent", "warn", "good", "serious", "neutral")
UNREAD_SHOWN: Final = 9
State = Conversation.State


def row_of(row: Conversation, *, unread: int, chosen: UUID | None) -> dict[str, Any]:
    """Return what a row shows of a conversation that the list has prepared."""
    waits = row.waiting_since is not None and row.state != State.CLOSED and row.snoozed_until is None
    return {
        "talk": row,
        "who": customer_name(row),
        "tone": tone_of(row.contact_id),
        "icon": ICONS.get(row.channel_account.kind, "chat"),
        "words": words_of_row(row),
        "waited": distance(row.waiting_since).removesuffix(" ago") if waits and row.waiting_since else "",
        "marks": list(marks_of(row)),
        "clock": clock_of(row),
        "assignee": getattr(row, "assignee_name", ""),
        "unread": f"{UNREAD_SHOWN}+" if unread > UNREAD_SHOWN else str(unread or "1" if row.is_unread else ""),
        "is_chosen": row.pk == chosen,
    }


def clock_of(row: Conversation) -> dict[str, str]:
    """Return by when something happens to a row that is late, due within an hour or snoozed; else nothing."""
    if row.snoozed_until is not None:
        return {"tone": "neutral", "icon": "moon", "about": "Snoozed:", "words": distance(row.snoozed_until)}
    if row.next_due_at is None or row.state != State.PERSON or row.next_due_at - now() > SOON:
        return {}
    words = distance(row.next_due_at)
    if row.next_due_at > now():
        return {"tone": "warn", "icon": "clock", "about": "Answer", "words": f"due {words}"}
    late = "late" if words == "just now" else f"{words.removesuffix(' ago')} late"
    return {"tone": "danger", "icon": "clock", "about": "Answer", "words": late}


def words_of_row(row: Conversation) -> str:
    """Return the text that a search matched, or else the start of the last message, masked."""
    text: str = getattr(row, "found_text", "") or getattr(row, "last_text", "") or ""
    start = text[: LONGEST - 2]
    return f"{start.rpartition(' ')[0] or start} …" if len(text) > LONGEST else text


def tone_of(contact_id: UUID) -> str:
    """Return the colour of a contact's initials."""
    return TONES[contact_id.int % len(TONES)]


def marks_of(row: Conversation) -> Any:
    """Yield an icon and its words for what is to be seen of a row at once."""
    if row.is_urgent or row.priority == Priority.URGENT:
        yield "flame", "Urgent", "danger"
    elif row.priority == Priority.HIGH:
        yield "flame", "High priority", "warn"
    if row.lead_level == "hot":
        yield "coin", "Hot lead", "accent"
    if row.needs_person:
        yield "hand", "Needs a person", "serious"
    elif row.state == State.AGENT:
        yield "agent", "Agent answers", "good"
    elif row.state == State.CLOSED:
        yield ("check", "Closed, resolved", "neutral") if row.resolved else ("ban", "Closed, not resolved", "neutral")
    if tags := getattr(row, "tags_on_it", ()):
        yield "tag", f"Tagged {', '.join(tag.name for tag in tags)}", "neutral"
