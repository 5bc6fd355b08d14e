"""Commands on conversations: receive, reply, deliver, take over, give back, assign, hand off, close."""

from conversations.services.app_accounts import keep_token_secret, note_keeper, save_app
from conversations.services.assignment import (
    assign_waiting,
    hand_back,
    list_left_behind,
    list_overdue_in_team,
    list_teams_with_work,
    may_move,
    move_to_fallback,
    move_to_team,
)
from conversations.services.attachments import (
    can_be_previewed,
    claim_attachment,
    fail_attachment,
    keep_attachment,
    read_attachment,
    read_outgoing_file,
    read_own_file,
)
from conversations.services.availability import (
    current_availability,
    end_silent,
    leave_teams,
    list_gone,
    note_open_page,
    set_availability,
)
from conversations.services.blocks import RECORD, block_contact, block_point, unblock_contact, unblock_point
from conversations.services.channel_accounts import (
    clear_trouble,
    connect_channel,
    lookup_digest,
    note_tested,
    note_trouble,
    pause_channel,
)
from conversations.services.consents import record_consent
from conversations.services.contacts import (
    add_point,
    add_tag,
    has_contact,
    introduce,
    language_code,
    link_contact_to_user,
    name_contact,
    note_language,
    remove_tag,
    set_language,
)
from conversations.services.delivery import deliver
from conversations.services.echoes import record_echo
from conversations.services.erasure import erase_contact
from conversations.services.file_contents import expire_file, list_files_expired, list_removals_due, remove_file
from conversations.services.incoming import publish_activity, receive
from conversations.services.notes import add_note
from conversations.services.outgoing import files_of_channel, reply
from conversations.services.parts import note_part, note_report, read_parts
from conversations.services.readings import record_reading
from conversations.services.resending import send_again, template_copy_id
from conversations.services.states import (
    assign,
    close,
    escalate,
    give_back,
    hand_off,
    lock_conversation,
    record_view,
    take_over,
)
from conversations.services.statuses import mark_read, record_status
from conversations.services.suggestions import drop_suggestion, send_suggestion, suggest_reply
from conversations.services.teams import Seat, Target, TeamSettings, create_team, delete_team, revise_team
from conversations.services.templates import (
    change_template,
    has_template,
    note_refused,
    preview_of,
    stop_using_template,
    store_templates,
    use_template,
    uses_of,
)
from conversations.services.waiting import answer_about_the_wait
from conversations.services.widgets import keep_identity_secret, save_widget

__all__ = [
    "RECORD",
    "Seat",
    "Target",
    "TeamSettings",
    "add_note",
    "add_point",
    "add_tag",
    "answer_about_the_wait",
    "assign",
    "assign_waiting",
    "block_contact",
    "block_point",
    "can_be_previewed",
    "change_template",
    "claim_attachment",
    "clear_trouble",
    "close",
    "connect_channel",
    "create_team",
    "current_availability",
    "delete_team",
    "deliver",
    "drop_suggestion",
    "end_silent",
    "erase_contact",
    "escalate",
    "expire_file",
    "fail_attachment",
    "files_of_channel",
    "give_back",
    "hand_back",
    "hand_off",
    "has_contact",
    "has_template",
    "introduce",
    "keep_attachment",
    "keep_identity_secret",
    "keep_token_secret",
    "language_code",
    "leave_teams",
    "link_contact_to_user",
    "list_files_expired",
    "list_gone",
    "list_left_behind",
    "list_overdue_in_team",
    "list_removals_due",
    "list_teams_with_work",
    "lock_conversation",
    "lookup_digest",
    "mark_read",
    "may_move",
    "move_to_fallback",
    "move_to_team",
    "name_contact",
    "note_keeper",
    "note_language",
    "note_open_page",
    "note_part",
    "note_refused",
    "note_report",
    "note_tested",
    "note_trouble",
    "pause_channel",
    "preview_of",
    "publish_activity",
    "read_attachment",
    "read_outgoing_file",
    "read_own_file",
    "read_parts",
    "receive",
    "record_consent",
    "record_echo",
    "record_reading",
    "record_status",
    "record_view",
    "remove_file",
    "remove_tag",
    "reply",
    "revise_team",
    "save_app",
    "save_widget",
    "send_again",
    "send_suggestion",
    "set_availability",
    "set_language",
    "stop_using_template",
    "store_templates",
    "suggest_reply",
    "take_over",
    "template_copy_id",
    "unblock_contact",
    "unblock_point",
    "use_template",
    "uses_of",
]
