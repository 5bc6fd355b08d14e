"""What the page of a contact shows beside its facts: how they are reached, their conversations and their wishes."""

from typing import Any, Final

from django.urls import reverse
from django.utils.safestring import SafeString

from console.templatetags.console_ui import chip
from conversations.contacts.admin.consents import CHANNELS
from conversations.contacts.admin.reach import blocks_of
from conversations.contacts.selectors.consents import VIEW_CONSENT, entries_of_points, query_consents
from conversations.contacts.selectors.directory import points_in_order
from conversations.inbox.admin.approval_panel import state_chip
from conversations.inbox.admin.rows import row_of
from conversations.models import Contact, ContactPoint, Conversation, Message
from conversations.selectors import ConversationFilters, list_conversations
from core.actors import Actor

VIEW_CONVERSATION: Final = "conversations.view_conversation"
SHOWN: Final = 10
WISHES: Final = 5
ICONS: Final = {ContactPoint.Kind.EMAIL: "mail", ContactPoint.Kind.PHONE: "phone", ContactPoint.Kind.BSUID: "phone"}
"""The icons of kinds of addresses; a chat's for all others."""
SPEAKERS: Final[dict[str, str]] = {
    Message.Sender.AGENT: "Agent",
    Message.Sender.PERSON: "Colleague",
    Message.Sender.SYSTEM: "System",
}


def name_of(contact: Contact) -> str:
    """Return a colleague's name; the masked one of everybody else."""
    return (contact.user.get_full_name() if contact.user else "") or contact.shown_name


def standing_of(contact: Contact) -> SafeString:
    """Return a chip that says whether the contact is a colleague, an outside person, merged or erased."""
    if contact.erased_at is not None:
        return chip("Erased", "neutral", "ban")
    if contact.merged_into_id is not None:
        return chip("Merged into another", "neutral", "ban")
    return chip("Colleague", "accent", "person") if contact.user_id else chip("Outside person", "neutral", "person")


def chips_of(contact: Contact) -> list[SafeString]:
    """Return who the contact is, whether they may be written to, and their tags. One query."""
    entries = entries_of_points(contact.points.all())
    stops = dict.fromkeys(words for rows in entries.values() for words in blocks_of(rows))
    is_gone = contact.erased_at is not None or contact.merged_into_id is not None
    free = [] if is_gone else [chip("Can be contacted", "good", "check")]
    tags = [chip(tag.name, "neutral", "tag") for tag in sorted(contact.tags.all(), key=lambda tag: str(tag.name))]
    return [standing_of(contact), *([chip(words, "warn", "ban") for words in stops] or free), *tags]


def places_of(contact: Contact) -> list[dict[str, str]]:
    """Return the addresses of a contact, masked."""
    return [
        {
            "icon": ICONS.get(ContactPoint.Kind(point.kind), "chat"),
            "kind": point.get_kind_display(),
            "words": point.masked_value,
            "note": "by a merge" if point.origin_id else "",
        }
        for point in points_in_order(contact.points.all())
    ]


def talks_of(viewer: Actor, contact: Contact) -> dict[str, Any]:
    """Return the newest conversations with a contact that the viewer sees, and which of them are open.

    One query; none for a viewer who may see no conversation.
    """
    if not viewer.may(VIEW_CONVERSATION):
        return {}
    page = list_conversations(viewer=viewer, filters=ConversationFilters(contact_id=contact.pk), limit=SHOWN)
    for row in page.rows:
        row.contact = contact  # it has been read with the colleague that it may be
    talks = [talk_row(row) for row in page.rows]
    return {"talks": talks, "has_more": bool(page.cursor), "open_talks": [one for one in talks if one["is_open"]]}


def talk_row(row: Conversation) -> dict[str, Any]:
    """Return what the history shows of a conversation."""
    shown = row_of(row, unread=0, chosen=None)
    return {
        **shown,
        "url": reverse("admin:conversations_conversation_change", args=[row.pk]),
        "chip": state_chip(row),
        "is_open": row.state != Conversation.State.CLOSED,
        "speaker": SPEAKERS.get(getattr(row, "last_sender", ""), ""),
        "assignee": row.assigned_to.get_full_name() if row.assigned_to else "",
    }


def wishes_recorded(viewer: Actor, contact: Contact) -> list[tuple[Any, str]]:
    """Return the newest lines of the consent ledger about a contact, with the names of their channels.

    One query; none for who may not see it.
    """
    if not viewer.may(VIEW_CONSENT) or not contact.points.all():
        return []
    lines = query_consents(viewer=viewer, contact_id=contact.pk).order_by("-id")[:WISHES]
    return [(line, CHANNELS.get(line.channel, line.channel)) for line in lines]
