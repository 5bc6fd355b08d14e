"""Changing conversations: receive, reply, deliver, take over, give back, assign, hand off, close."""

from conversations.services.channels import clear_trouble, connect_channel, lookup_digest, note_trouble
from conversations.services.contacts import (
    add_point,
    add_tag,
    contact_actor,
    introduce,
    is_known,
    link_contact_to_user,
    name_contact,
    remove_tag,
)
from conversations.services.delivering import deliver, next_in_line, on_queued
from conversations.services.receiving import note_activity, receive
from conversations.services.replying import reply
from conversations.services.states import (
    assign,
    close,
    escalate,
    give_back,
    hand_off,
    record_view,
    take_over,
)
from conversations.services.statuses import mark_read, record_status

__all__ = [
    "add_point",
    "add_tag",
    "assign",
    "clear_trouble",
    "close",
    "connect_channel",
    "contact_actor",
    "deliver",
    "escalate",
    "give_back",
    "hand_off",
    "introduce",
    "is_known",
    "link_contact_to_user",
    "lookup_digest",
    "mark_read",
    "name_contact",
    "next_in_line",
    "note_activity",
    "note_trouble",
    "on_queued",
    "receive",
    "record_status",
    "record_view",
    "remove_tag",
    "reply",
    "take_over",
]
