"""Changing conversations: receive, reply, deliver, take over, give back, assign, hand off, close."""

from conversations.services.contacts import (
    add_tag,
    contact_actor,
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
    "add_tag",
    "assign",
    "close",
    "contact_actor",
    "deliver",
    "escalate",
    "give_back",
    "hand_off",
    "link_contact_to_user",
    "mark_read",
    "name_contact",
    "next_in_line",
    "note_activity",
    "on_queued",
    "receive",
    "record_status",
    "record_view",
    "remove_tag",
    "reply",
    "take_over",
]
