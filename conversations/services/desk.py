"""What an inbox is set up with: teams, rules, tags, canned replies, macros."""

from conversations.contacts.contacts import add_tag
from conversations.inbox.tags import change_tags, create_tag
from conversations.inbox.teams.teams import Seat, Target, TeamSettings, create_team
from conversations.inbox.threads.team_chat import write_to_team
from conversations.inbox.triage.triage import RuleSettings, create_triage_rule
from conversations.replies.canned_replies import CannedText, create_canned_reply
from conversations.replies.macros import MacroSettings, create_macro
