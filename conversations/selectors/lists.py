"""Lists of conversations for staff: masked, in pages, with a constant number of queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import OuterRef, Q, QuerySet, Subquery

from conversations.models import LIVE, ContactTag, Conversation, Message
from conversations.selectors.search import cleaned, conversations_with
from core.actors import Actor
from core.errors import NotFound
from core.rest.pagination import cursor_at, unknown_cursor, value_of

VIEW: Final = "conversations.view_conversation"
PAGE: Final = 50
MOST: Final = 200


@dataclass(frozen=True, slots=True)
class ConversationFilters:
    """Filters. `needs_person`: unassigned and waiting.

    `q`: a full address, or words of masked text.
    """

    state: str = ""
    needs_person: bool = False
    live: bool = False
    assigned_to: UUID | None = None
    contact_id: UUID | None = None
    q: str = ""


@dataclass(frozen=True, slots=True)
class ConversationPage:
    """One page, newest activity first; `cursor` gets the next one ("" at the end)."""

    rows: Sequence[Conversation]
    cursor: str


def get_conversation(*, viewer: Actor, conversation_id: UUID) -> Conversation:
    """Return a conversation with contact, channel account and assignee.

    Needs `conversations.view_conversation`; absent and another tenant's are the same `NotFound`.
    """
    viewer.require(VIEW)
    found = _rows().filter(pk=conversation_id).first()
    if found is None:
        raise NotFound("There is no such conversation.")
    return found


def list_conversations(
    *,
    viewer: Actor,
    filters: ConversationFilters | None = None,
    cursor: str = "",
    limit: int = PAGE,
) -> ConversationPage:
    """Return a page of conversations, each with `last_text` (masked), `last_sender`, `is_unread`.

    Needs `conversations.view_conversation`. One query for any number of rows. Raises
    `Invalid` for a cursor that is not ours.
    """
    viewer.require(VIEW)
    size = max(1, min(limit, MOST))
    last = Message.objects.filter(conversation=OuterRef("pk")).order_by("-seq")
    rows: QuerySet[Any] = _filtered(_rows(), filters or ConversationFilters()).annotate(
        last_text=Subquery(last.values("masked_body")[:1]),
        last_sender=Subquery(last.values("sender_type")[:1]),
    )
    if cursor:
        at, last_id = _read_cursor(cursor)
        rows = rows.filter(Q(last_message_at__lt=at) | Q(last_message_at=at, id__lt=last_id))
    found = list(rows.order_by("-last_message_at", "-id")[: size + 1])
    page = found[:size]
    following = f"{page[-1].last_message_at.isoformat()}|{page[-1].pk}" if len(found) > size else ""
    return ConversationPage(page, cursor_at(following) if following else "")


def _rows() -> QuerySet[Conversation]:
    rows: QuerySet[Conversation] = Conversation.objects.select_related(
        "contact", "channel_account", "assigned_to"
    ).defer("contact__display_name", "channel_account__credentials")
    return rows


def _filtered(rows: QuerySet[Conversation], filters: ConversationFilters) -> QuerySet[Conversation]:
    if filters.state:
        rows = rows.filter(state=filters.state)
    if filters.live:
        rows = rows.filter(state__in=LIVE)
    if filters.needs_person:
        rows = rows.filter(state=Conversation.State.PERSON, assigned_to=None)
    if filters.assigned_to:
        rows = rows.filter(assigned_to_id=filters.assigned_to)
    if filters.contact_id:
        rows = rows.filter(contact_id=filters.contact_id)
    words = cleaned(filters.q)
    return rows.filter(pk__in=conversations_with(words)) if words else rows


def _read_cursor(cursor: str) -> tuple[datetime, UUID]:
    try:
        at, _, last_id = value_of(cursor).partition("|")
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None:
            raise ValueError(at)
        return moment, UUID(last_id)
    except ValueError:
        raise unknown_cursor() from None


def tags_of_conversation(*, conversation_id: UUID) -> tuple[str, ...]:
    """Return the tags of a conversation's contact; for the system. One query."""
    rows = ContactTag.objects.filter(contact__conversations=conversation_id)
    return tuple(rows.order_by("name").values_list("name", flat=True))
