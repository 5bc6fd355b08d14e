"""What other apps read of conversations: lists and pages for staff, frames for the customer."""

from conversations.contacts.selectors.audiences import Audience, list_audiences
from conversations.contacts.selectors.consents import wishes_of
from conversations.contacts.selectors.directory import get_channel_account, read_contact
from conversations.contacts.selectors.names import names_in_conversation
from conversations.custom_fields.facts import FieldFacts, fields_in_rules
from conversations.custom_fields.selectors import values_for_agents, values_of
from conversations.inbox.models import conversations_of
from conversations.inbox.selectors.counts import count_needing_person
from conversations.inbox.selectors.lists import (
    VIEW,
    ConversationFilters,
    get_conversation,
    list_conversations,
    query_conversations,
    tags_of_conversation,
)
from conversations.inbox.teams.seen import places_of, seen_by, showing, teams_of_people
from conversations.inbox.teams.selectors import VIEW_FIGURES, count_waiting, figure_scope, require_figures
from conversations.inbox.threads.models import require_seat
from conversations.inbox.triage.checks import condition_problem, words_in
from conversations.messages.selectors.customers import (
    STOP_LIFE,
    find_customer_conversation,
    frames_for_customer,
    snapshot_for_customer,
    stop_key,
    stopped_at,
)
from conversations.replies.selectors import open_suggestion
