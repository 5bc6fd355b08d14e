"""Lists of conversations for staff: masked, in pages, with a constant number of queries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery

from accounts.privacy.reveals import require_grant
from conversations.custom_fields.values import named_value, with_values
from conversations.inbox.models import HOT, WARM
from conversations.inbox.selectors.search import cleaned, conversations_with
from conversations.inbox.teams.seen import get_seen, read_found, require_view, seen_conversations
from conversations.models import (
    LIVE,
    URGENT,
    WAITS_FOR_PERSON,
    ContactTag,
    Conversation,
    ConversationTag,
    CustomField,
    Message,
)
from core.actors import Actor
from core.rest.pagination import Place, cursor_at, value_of

VIEW: Final = "conversations.view_conversation"
CONVERSATION: Final = "conversations.conversation"
PAGE: Final = 50
MOST: Final = 200
NEWEST: Final = "-last_message_at"
ORDERS: Final = {
    "last_message_at": ("last_message_at", "id"),
    NEWEST: (NEWEST, "-id"),
    "created_at": ("created_at", "id"),
    "-created_at": ("-created_at", "-id"),
}
"""The orders of lists. Each follows an index."""
LEADS: Final = {"hot": (HOT, 101), "warm": (WARM, HOT), "cold": (0, WARM)}


@dataclass(frozen=True, slots=True)
class ConversationFilters:
    """Filters. `needs_person`: unassigned and waiting. `q`: a full address, words of masked text, or a reference.

    `after` is the first moment that counts, `before` the first that doesn't any more. `values` are those of custom
    fields, by their keys; `named_value` is one that an address names, such as `tier:Gold`.
    """

    state: str = ""
    needs_person: bool = False
    live: bool = False
    assigned_to: UUID | None = None
    contact_id: UUID | None = None
    channel_account_id: UUID | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    last_message_after: datetime | None = None
    last_message_before: datetime | None = None
    intent: str = ""
    urgent: bool = False
    lead: str = ""
    tag: UUID | None = None
    q: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    named_value: str = ""


@dataclass(frozen=True, slots=True)
class ConversationPage:
    """One page; `cursor` gets the next one ("" at the end)."""

    rows: Sequence[Conversation]
    cursor: str


def get_conversation(*, viewer: Actor, conversation_id: UUID) -> Conversation:
    """Return a conversation with contact, channel account and assignee.

    Needs `conversations.view_conversation`; absent and another tenant's are the same `NotFound`.
    """
    require_view(viewer)
    return get_seen(_rows(viewer), conversation_id)


def require_clear(*, viewer: Actor, conversation_id: UUID) -> None:
    """Require `accounts.view_pii` and an open reveal of the messages; else `Refused` ("no_grant")."""
    viewer.require("accounts.view_pii")
    require_grant(actor=viewer, object_type=CONVERSATION, object_id=conversation_id, field="messages")


def query_conversations(*, viewer: Actor) -> QuerySet[Conversation]:
    """Return conversations with contact, channel account and assignee. Needs `conversations.view_conversation`."""
    require_view(viewer)
    return _rows(viewer)


def list_conversations(
    *,
    viewer: Actor,
    filters: ConversationFilters | None = None,
    ordering: str = "",
    cursor: str = "",
    limit: int = PAGE,
) -> ConversationPage:
    """Return a page of conversations, each with `last_text` (masked), `last_sender`, `is_unread`.

    `ordering` is one of `ORDERS`; by default the newest activity comes first, or the newest if they are narrowed by
    when they began. Needs `conversations.view_conversation`. One query for any number of rows, and one for values of
    custom fields. Raises `Invalid` for these, and for a cursor that is not ours, or of another order.
    """
    require_view(viewer)
    size = max(1, min(limit, MOST))
    last = Message.objects.filter(conversation=OuterRef("pk")).order_by("-seq")
    wanted = filters or ConversationFilters()
    by_beginning = wanted.created_after or wanted.created_before
    name = ordering or ("-created_at" if by_beginning else NEWEST)
    place = Place.of(ORDERS[name])

    def fetch() -> list[Any]:
        rows: QuerySet[Any] = _filtered(_rows(viewer), wanted, viewer).annotate(
            last_text=Subquery(last.values("masked_body")[:1]), last_sender=Subquery(last.values("sender_type")[:1])
        )
        if cursor:
            rows = rows.filter(place.after(name, value_of(cursor), Conversation))
        return list(rows.order_by(*ORDERS[name])[: size + 1])

    found = read_found(viewer, fetch) if cleaned(wanted.q) else fetch()
    page = found[:size]
    following = cursor_at(f"{name}|{place.at(page[-1])}") if len(found) > size else ""
    return ConversationPage(page, following)


def _rows(viewer: Actor) -> QuerySet[Conversation]:
    rows = seen_conversations(viewer).select_related("contact", "origin", "channel_account", "assigned_to")
    return rows.defer("contact__display_name", "origin__display_name", "channel_account__credentials")


def _filtered(rows: QuerySet[Conversation], filters: ConversationFilters, viewer: Actor) -> QuerySet[Conversation]:
    if filters.state:
        rows = rows.filter(state=filters.state)
    if filters.live:
        rows = rows.filter(state__in=LIVE)
    if filters.needs_person:
        rows = rows.filter(WAITS_FOR_PERSON)
    if filters.assigned_to:
        rows = rows.filter(assigned_to_id=filters.assigned_to)
    if filters.contact_id:
        rows = rows.filter(contact_id=filters.contact_id)
    if filters.channel_account_id:
        rows = rows.filter(channel_account_id=filters.channel_account_id)
    if filters.tag:
        rows = rows.filter(pk__in=ConversationTag.objects.filter(tag_id=filters.tag).values("conversation_id"))
    if filters.intent:
        rows = rows.filter(intent=filters.intent)
    if filters.urgent:
        rows = rows.filter(urgency__gte=URGENT)
    if filters.lead:
        least, most = LEADS[filters.lead]
        rows = rows.filter(lead__gte=least, lead__lt=most)
    times = {
        "created_at__gte": filters.created_after,
        "created_at__lt": filters.created_before,
        "last_message_at__gte": filters.last_message_after,
        "last_message_at__lt": filters.last_message_before,
    }
    rows = rows.filter(**{lookup: moment for lookup, moment in times.items() if moment})
    subject, named = CustomField.Subject.CONVERSATION, named_value(filters.named_value)
    rows = rows.filter(with_values(subject, filters.values), with_values(subject, named, in_address=True))
    words = cleaned(filters.q)
    return rows.filter(pk__in=conversations_with(words, viewer=viewer)) if words else rows


def tags_of_conversation(*, conversation_id: UUID) -> tuple[str, ...]:
    """Return the tags of a conversation's contact; for the system. One query."""
    rows = ContactTag.objects.filter(contact__conversations=conversation_id)
    return tuple(rows.order_by("name").values_list("name", flat=True))
