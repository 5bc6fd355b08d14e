"""What a transport needs of a message: its files and parts, and how its contact can be reached."""

from conversations.contacts.blocks import CONFIRMS_WISH, NO_MARKETING
from conversations.contacts.contacts import point_index
from conversations.messages.attachments import File, read_outgoing_file
from conversations.messages.outbound import template_copy_id
from conversations.messages.parts import SENT, UPLOAD, note_part, note_report, read_parts
from conversations.messages.reach import AS_TEMPLATE, addresses_of, find_way, require_wanted
