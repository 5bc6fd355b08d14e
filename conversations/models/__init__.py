"""Tables of conversations: channel accounts, contacts, conversations, messages, deliveries."""

from conversations.channel_accounts.models import ChannelAccount, MessageTemplate
from conversations.contacts.models import Contact, ContactPoint, ContactTag
from conversations.custom_fields.models import CustomField, CustomValue
from conversations.inbox.models import (
    LIVE,
    URGENT,
    WAITS_FOR_PERSON,
    BulkChange,
    Conversation,
    ConversationTag,
    Tag,
)
from conversations.inbox.teams.models import (
    MOST_AT_ONCE,
    Availability,
    Priority,
    Team,
    TeamMember,
    TeamTarget,
    hours_of,
)
from conversations.inbox.threads.models import Note, NoteVersion, TeamChatReader, TeamMessage, TeamMessageVersion
from conversations.inbox.triage.models import Triage, TriageRule
from conversations.merges.models import ContactMerge
from conversations.messages.models import Attachment, AudienceSend, DeliveryAttempt, FileRemoval, Message
from conversations.replies.models import CannedFile, CannedReply, Draft, Macro, SuggestedReply
from conversations.surveys.models import Survey
