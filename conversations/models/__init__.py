"""Tables of conversations: channel accounts, contacts, conversations, messages, deliveries."""

from conversations.models.canned import CannedFile, CannedReply
from conversations.models.channels import ChannelAccount
from conversations.models.contacts import Contact, ContactPoint, ContactTag
from conversations.models.conversations import HOT, LIVE, URGENT, WAITS_FOR_PERSON, WARM, Conversation
from conversations.models.deliveries import AudienceSend, DeliveryAttempt
from conversations.models.drafts import Draft
from conversations.models.files import FileRemoval
from conversations.models.macros import Macro
from conversations.models.merges import ContactMerge
from conversations.models.messages import Attachment, Message
from conversations.models.notes import Note, NoteVersion
from conversations.models.suggestions import SuggestedReply
from conversations.models.surveys import Survey
from conversations.models.tags import ConversationTag, Tag
from conversations.models.team_chat import TeamChatReader, TeamMessage, TeamMessageVersion
from conversations.models.teams import MOST_AT_ONCE, Availability, Priority, Team, TeamMember, TeamTarget, hours_of
from conversations.models.templates import MessageTemplate
from conversations.models.triage import Triage, TriageRule

__all__ = [
    "HOT",
    "LIVE",
    "MOST_AT_ONCE",
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
