"""The contact's tickets beside a conversation: as they were last read, never by an outside call of the page."""

from typing import Final

from django.core.cache import cache
from redis.exceptions import RedisError

from conversations.models import Conversation
from conversations.registry import Panel, register_panel
from conversations.selectors import names_in_conversation
from core.actors import Actor
from core.jobs import queues
from core.privacy.pii import mask_text
from core.tenancy.scope import current_tenant_id
from integrations.ticketing import selectors

VIEW: Final = "conversations.view_conversation"
MOST: Final = 10
ONCE_IN: Final = 60
"""Seconds within which a contact's tickets are asked for once, however often the page is opened."""
TONES: Final = {"new": "accent", "open": "accent", "waiting": "warn", "solved": "good", "closed": "neutral"}


def panel_of_conversation(viewer: Actor, conversation: Conversation, clear: frozenset[str]) -> Panel | None:
    """Return the tickets of a conversation's contact, masked; nothing while no ticket system is connected.

    What is older than five minutes is read again in the background.
    """
    if not viewer.may(VIEW) or conversation.contact.erased_at is not None:
        return None
    linked = selectors.find_connection()
    if linked is None:
        return None
    contact_id = conversation.contact_id
    kept = selectors.last_tickets(linked, contact_id)
    if (kept is None or not kept.is_fresh) and is_first_ask(contact_id.hex):
        queues.enqueue_after_commit("refresh_tickets", contact_id)
    names = names_in_conversation(conversation.pk) if kept and kept.tickets else ()
    rows = [
        {
            "number": row["ticket"],
            "subject": mask_text(str(row["subject"]), names),
            "status": str(row["status"]).capitalize(),
            "tone": TONES.get(row["status"], "neutral"),
        }
        for row in (kept.tickets[:MOST] if kept else ())
    ]
    context = {"system": linked.platform.title, "rows": rows, "read_at": kept.read_at if kept else None}
    return Panel("console/parts/tickets.html", context)


def is_first_ask(contact: str) -> bool:
    """Return True once a minute; without Redis there is no queue to wait for."""
    try:
        return bool(cache.add(f"{current_tenant_id().hex}:tickets_asked:{contact}", 1, timeout=ONCE_IN))
    except (RedisError, OSError):
        return False


register_panel("beside", panel_of_conversation)
