"""Reading conversations: lists and pages for staff, frames for the customer, turns for the model."""

from conversations.selectors.counts import (
    COUNT_CAP,
    DayCount,
    count_by_day,
    count_live,
    count_needing_person,
)
from conversations.selectors.customers import (
    find_customer_conversation,
    frames_for_customer,
    owned_by_contact,
    snapshot_for_customer,
)
from conversations.selectors.lists import (
    Audience,
    ConversationFilters,
    ConversationPage,
    get_contact,
    get_conversation,
    list_audiences,
    list_contact_points,
    list_conversations,
)
from conversations.selectors.messages import (
    MessagePage,
    MessageRow,
    TranscriptTurn,
    list_messages,
    transcript,
)
from conversations.selectors.stops import STOP_LIFE, stop_key, stopped_at

__all__ = [
    "COUNT_CAP",
    "STOP_LIFE",
    "Audience",
    "ConversationFilters",
    "ConversationPage",
    "DayCount",
    "MessagePage",
    "MessageRow",
    "TranscriptTurn",
    "count_by_day",
    "count_live",
    "count_needing_person",
    "find_customer_conversation",
    "frames_for_customer",
    "get_contact",
    "get_conversation",
    "list_audiences",
    "list_contact_points",
    "list_conversations",
    "list_messages",
    "owned_by_contact",
    "snapshot_for_customer",
    "stop_key",
    "stopped_at",
    "transcript",
]
