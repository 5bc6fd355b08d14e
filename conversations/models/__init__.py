"""Tables of conversations: channel accounts, contacts, conversations, messages, deliveries."""

from conversations.models.channels import ChannelAccount
from conversations.models.contacts import Contact, ContactPoint, ContactTag
from conversations.models.conversations import HOT, LIVE, URGENT, WARM, Conversation
from conversations.models.deliveries import AudienceSend, DeliveryAttempt
from conversations.models.files import FileRemoval
from conversations.models.messages import Attachment, Message
from conversations.models.notes import Note
from conversations.models.suggestions import SuggestedReply
from conversations.models.teams import MOST_AT_ONCE, Availability, Priority, Team, TeamMember, TeamTarget
from conversations.models.templates import MessageTemplate

__all__ = [
    "HOT",
    "LIVE",
    "MOST_AT_ONCE",
    "URGENT",
    "WARM",
    "Attachment",
    "AudienceSend",
    "Availability",
    "ChannelAccount",
    "Contact",
    "ContactPoint",
    "ContactTag",
    "Conversation",
    "DeliveryAttempt",
    "FileRemoval",
    "Message",
    "MessageTemplate",
    "Note",
    "Priority",
    "SuggestedReply",
    "Team",
    "TeamMember",
    "TeamTarget",
]
