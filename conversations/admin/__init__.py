"""Console pages of conversations and contacts; Django's autodiscovery imports this package."""

from conversations.channel_accounts.admin import templates
from conversations.contacts.admin import consents, contacts
from conversations.custom_fields import admin as custom_fields
from conversations.inbox.admin import conversations, dashboard, tags
from conversations.inbox.teams import admin as teams
from conversations.inbox.triage import admin as triage
from conversations.replies.admin import canned_replies, macros, suggestions
from conversations.surveys import admin as surveys
