"""Read conversations: lists and pages for staff, frames for the customer."""

from conversations.selectors.audiences import Audience, left_out, left_out_in_words, list_audiences
from conversations.selectors.consents import Wishes, get_consent, query_consents, wishes_of
from conversations.selectors.counts import (
    DayCount,
    count_by_day,
    count_live,
    count_needing_person,
)
from conversations.selectors.customers import (
    find_customer_conversation,
    frames_for_customer,
    snapshot_for_customer,
)
from conversations.selectors.directory import (
    ContactFilters,
    get_channel_account,
    points_in_order,
    query_channel_accounts,
    query_contacts,
    read_contact,
)
from conversations.selectors.failures import Failure
from conversations.selectors.lists import (
    LEADS,
    ORDERS,
    ConversationFilters,
    ConversationPage,
    get_conversation,
    list_conversations,
    query_conversations,
    tags_of_conversation,
)
from conversations.selectors.messages import (
    MailFacts,
    MessagePage,
    MessageRow,
    list_messages,
    row_of,
)
from conversations.selectors.notes import NoteRow, list_notes
from conversations.selectors.search import WORDS_LIMIT, cleaned, conversations_with, newest_matches, refuse_personal
from conversations.selectors.stop_requests import STOP_LIFE, stop_key, stopped_at
from conversations.selectors.suggestions import count_to_review, get_suggestion, open_suggestion, query_suggestions
from conversations.selectors.teams import (
    get_team,
    list_people,
    members_of,
    query_availability,
    query_teams,
    waiting_by_team,
)
from conversations.selectors.templates import find_lost_templates, get_template, query_templates

__all__ = [
    "LEADS",
    "ORDERS",
    "STOP_LIFE",
    "WORDS_LIMIT",
    "Audience",
    "ContactFilters",
    "ConversationFilters",
    "ConversationPage",
    "DayCount",
    "Failure",
    "MailFacts",
    "MessagePage",
    "MessageRow",
    "NoteRow",
    "Wishes",
    "cleaned",
    "conversations_with",
    "count_by_day",
    "count_live",
    "count_needing_person",
    "count_to_review",
    "find_customer_conversation",
    "find_lost_templates",
    "frames_for_customer",
    "get_channel_account",
    "get_consent",
    "get_conversation",
    "get_suggestion",
    "get_team",
    "get_template",
    "left_out",
    "left_out_in_words",
    "list_audiences",
    "list_conversations",
    "list_messages",
    "list_notes",
    "list_people",
    "members_of",
    "newest_matches",
    "open_suggestion",
    "points_in_order",
    "query_availability",
    "query_channel_accounts",
    "query_consents",
    "query_contacts",
    "query_conversations",
    "query_suggestions",
    "query_teams",
    "query_templates",
    "read_contact",
    "refuse_personal",
    "row_of",
    "snapshot_for_customer",
    "stop_key",
    "stopped_at",
    "tags_of_conversation",
    "waiting_by_team",
    "wishes_of",
]
