"""What other apps do with conversations: receive, reply, deliver, hand off, and the contacts behind them."""

from conversations.contacts.blocks import block_point, has_opted_out, resume_marketing, unblock_point
from conversations.contacts.consents import record_consent
from conversations.contacts.contacts import (
    add_point,
    introduce,
    known_identity,
    link_contact_to_user,
)
from conversations.contacts.fields import language_code
from conversations.contacts.known_people import read_detail, revise_contacts
from conversations.events.stream_events import hold_streams
from conversations.inbox.assignment import move_to_team
from conversations.inbox.snoozes import set_priority, snooze
from conversations.inbox.states import close, hand_off, lock_conversation, record_view
from conversations.inbox.teams.availability import note_open_page
from conversations.messages.attachments import claim_attachment, fail_attachment, keep_attachment
from conversations.messages.echoes import record_echo
from conversations.messages.file_contents import plan_removal_of
from conversations.messages.files.rules import Upload
from conversations.messages.inbound import publish_activity, receive, record_reading
from conversations.messages.message_store import store_taken
from conversations.messages.outbound import ByTemplate, Draft, Sender, files_of_channel, reply
from conversations.messages.statuses import mark_read, record_status
from conversations.replies.suggestions import suggest_reply
from conversations.replies.wait_notice import answer_about_the_wait
