"""Set values of a conversation's custom fields.

Those of a contact are set by `contacts.known_people`.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from conversations.contacts import contacts
from conversations.custom_fields.values import LOCK, read_values, write_values
from conversations.events import stream_events
from conversations.inbox import assignment, states
from conversations.inbox.teams.seen import get_seen, held_conversations
from conversations.models import Conversation, CustomField
from core.actors import Actor
from core.db.locks import advisory_lock
from core.errors import Conflict


def set_conversation_fields(*, actor: Actor, conversation_id: UUID, values: Mapping[str, Any]) -> Conversation:
    """Set values of a conversation's custom fields by their keys.

    None or an empty text removes one. A closed conversation takes them too. Only what is named changes, so that two
    colleagues who do it at once keep both. Needs `conversations.reply_conversation`. Raises `Refused`, `NotFound`,
    `Invalid` with the keys, `ContactErased`, and `Conflict` ("changed") while its contact is merged. Writes
    `CONVERSATION_FIELDS_SET` with the ids of the fields, never the values.
    """
    actor.require(assignment.REPLY)
    with transaction.atomic():
        advisory_lock(LOCK, shared=True)  # the fields stay as they are
        # The contact first, as everywhere: nothing is written down of a person who is being erased.
        contact_id = get_seen(held_conversations(actor), conversation_id).contact_id
        contacts.lock_contact(contact_id, may_be_merged=True)
        conversation = states.locked(conversation_id, actor=actor)
        if conversation.contact_id != contact_id:
            raise Conflict("The contact was merged at the same moment. Try again.", code="changed")
        found = read_values(CustomField.Subject.CONVERSATION, values)
        if changed := write_values(found, conversation=conversation):
            states.let_empty_again(conversation)
            state = conversation.state
            stream_events.record(actor, "CONVERSATION_FIELDS_SET", conversation, old_state=state, fields=changed)
    return conversation
