"""Tables of conversations: channel accounts, contacts, conversations, messages, deliveries."""

from conversations.channel_accounts.models.channels import PROVIDERS, ChannelAccount
from conversations.channel_accounts.models.templates import MessageTemplate
from conversations.contacts.models import Contact, ContactPoint, ContactTag
from conversations.inbox.models.conversations import HOT, LIVE, URGENT, WAITS_FOR_PERSON, WARM, Conversation
from conversations.inbox.models.tags import ConversationTag, Tag
from conversations.inbox.teams.models import (
    MOST_AT_ONCE,
    Availability,
    Priority,
    Team,
    TeamMember,
    TeamTarget,
    hours_of,
)
from conversations.inbox.threads.models.notes import Note, NoteVersion
from conversations.inbox.threads.models.team_chat import TeamChatReader, TeamMessage, TeamMessageVersion
from conversations.inbox.triage.models import Triage, TriageRule
from conversations.merges.models import ContactMerge
from conversations.messages.models.deliveries import AudienceSend, DeliveryAttempt
from conversations.messages.models.files import FileRemoval
from conversations.messages.models.messages import Attachment, Message
from conversations.replies.models.canned import CannedFile, CannedReply
from conversations.replies.models.drafts import Draft
from conversations.replies.models.macros import Macro
from conversations.replies.models.suggestions import SuggestedReply
from conversations.surveys.models import Survey

__all__ = [
    "HOT",
    "LIVE",
    "MOST_AT_ONCE",
    "PROVIDERS",
    "URGENT",
    "WAITS_FOR_PERSON",
    "WARM",
    "Attachment",
    "AudienceSend",
    "Availability",
    "CannedFile",
    "CannedReply",
    "ChannelAccount",
    "Contact",
    "ContactMerge",
    "ContactPoint",
    "ContactTag",
    "Conversation",
    "ConversationTag",
    "DeliveryAttempt",
    "Draft",
    "FileRemoval",
    "Macro",
    "Message",
    "MessageTemplate",
    "Note",
    "NoteVersion",
    "Priority",
    "SuggestedReply",
    "Survey",
    "Tag",
    "Team",
    "TeamChatReader",
    "TeamMember",
    "TeamMessage",
    "TeamMessageVersion",
    "TeamTarget",
    "Triage",
    "TriageRule",
    "hours_of",
]
