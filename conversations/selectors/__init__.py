"""Read conversations: lists and pages for staff, frames for the customer."""

from conversations.channel_accounts.selectors import find_lost_templates, get_template, query_templates
from conversations.contacts.selectors.audiences import Audience, left_out, left_out_in_words, list_audiences
from conversations.contacts.selectors.consents import (
    Wishes,
    entries_of_points,
    get_consent,
    query_consents,
    wishes_of,
)
from conversations.contacts.selectors.directory import (
    ContactFilters,
    get_channel_account,
    points_in_order,
    query_channel_accounts,
    query_contacts,
    read_contact,
)
from conversations.inbox.models.conversations import conversations_of
from conversations.inbox.selectors.counts import (
    DayCount,
    count_by_day,
    count_live,
    count_needing_person,
    count_of_view,
)
from conversations.inbox.selectors.first_answers import FirstAnswer, FirstAnswers, first_answers
from conversations.inbox.selectors.lists import (
    LEADS,
    ORDERS,
    ConversationFilters,
    ConversationPage,
    get_conversation,
    list_conversations,
    query_conversations,
    tags_of_conversation,
)
from conversations.inbox.selectors.search import (
    WORDS_LIMIT,
    cleaned,
    conversations_with,
    newest_matches,
    refuse_personal,
)
from conversations.inbox.selectors.tags import query_tags, tags_of_conversations
from conversations.inbox.teams.seen import (
    is_seen,
    places_of,
    require_seen,
    seen_by,
    seen_conversations,
    sees,
    teams_of_people,
)
from conversations.inbox.teams.selectors.figures import VIEW_FIGURES, FigureScope, figure_scope, require_figures
from conversations.inbox.teams.selectors.teams import (
    count_waiting,
    get_team,
    list_people,
    members_of,
    query_availability,
    query_teams,
    waiting_by_team,
)
from conversations.inbox.threads.models.team_chat import chat_stream, may_chat, require_seat
from conversations.inbox.threads.selectors.notes import FormerText, NoteRow, list_notes, query_notes
from conversations.inbox.threads.selectors.team_chat import (
    ChatPage,
    count_unread,
    query_team_messages,
    read_team_chat,
)
from conversations.merges.selectors import MergePreview, Sign, contacts_alike, preview_merge, query_merges
from conversations.messages.selectors.customers import (
    find_customer_conversation,
    frames_for_customer,
    snapshot_for_customer,
)
from conversations.messages.selectors.failures import Failure
from conversations.messages.selectors.messages import MailFacts, MessagePage, MessageRow, list_messages, row_of
from conversations.messages.selectors.stop_requests import STOP_LIFE, stop_key, stopped_at
from conversations.replies.selectors import count_to_review, get_suggestion, open_suggestion, query_suggestions
from conversations.surveys.selectors import Marks, get_survey, marks_of, query_surveys, survey_of

__all__ = [
    "LEADS",
    "ORDERS",
    "STOP_LIFE",
    "VIEW_FIGURES",
    "WORDS_LIMIT",
    "Audience",
    "ChatPage",
    "ContactFilters",
    "ConversationFilters",
    "ConversationPage",
    "DayCount",
    "Failure",
    "FigureScope",
    "FirstAnswer",
    "FirstAnswers",
    "FormerText",
    "MailFacts",
    "Marks",
    "MergePreview",
    "MessagePage",
    "MessageRow",
    "NoteRow",
    "Sign",
    "Wishes",
    "chat_stream",
    "cleaned",
    "contacts_alike",
    "conversations_of",
    "conversations_with",
    "count_by_day",
    "count_live",
    "count_needing_person",
    "count_of_view",
    "count_to_review",
    "count_unread",
    "count_waiting",
    "entries_of_points",
    "figure_scope",
    "find_customer_conversation",
    "find_lost_templates",
    "first_answers",
    "frames_for_customer",
    "get_channel_account",
    "get_consent",
    "get_conversation",
    "get_suggestion",
    "get_survey",
    "get_team",
    "get_template",
    "is_seen",
    "left_out",
    "left_out_in_words",
    "list_audiences",
    "list_conversations",
    "list_messages",
    "list_notes",
    "list_people",
    "marks_of",
    "may_chat",
    "members_of",
    "newest_matches",
    "open_suggestion",
    "places_of",
    "points_in_order",
    "preview_merge",
    "query_availability",
    "query_channel_accounts",
    "query_consents",
    "query_contacts",
    "query_conversations",
    "query_merges",
    "query_notes",
    "query_suggestions",
    "query_surveys",
    "query_tags",
    "query_team_messages",
    "query_teams",
    "query_templates",
    "read_contact",
    "read_team_chat",
    "refuse_personal",
    "require_figures",
    "require_seat",
    "require_seen",
    "row_of",
    "seen_by",
    "seen_conversations",
    "sees",
    "snapshot_for_customer",
    "stop_key",
    "stopped_at",
    "survey_of",
    "tags_of_conversation",
    "tags_of_conversations",
    "teams_of_people",
    "waiting_by_team",
    "wishes_of",
]
