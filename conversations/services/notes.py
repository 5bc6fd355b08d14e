"""Notes for colleagues about a conversation."""

from typing import Final
from uuid import UUID

from django.db import transaction

from conversations import texts
from conversations.models import Contact, Note
from conversations.services import states, stream_events
from core.actors import Actor
from core.errors import Conflict
from core.privacy.pii import mask_text

NOTE_LIMIT: Final = 2000


def add_note(*, actor: Actor, conversation_id: UUID, text: str) -> Note:
    """Add a note that only colleagues see, also to a closed conversation.

    Needs `conversations.reply_conversation`. Raises `NotFound`, `Invalid` for an empty or too long
    text, and `Conflict` ("erased"). Publishes `note_added` to staff.
    """
    actor.require(states.REPLY)
    body = texts.checked(text, limit=NOTE_LIMIT)
    with transaction.atomic():
        conversation = states.locked(conversation_id)
        if Contact.objects.filter(pk=conversation.contact_id, erased_at__isnull=False).exists():
            raise Conflict("This contact has been erased, so notes can't be added.", code="erased")
        note: Note = Note.objects.create(
            conversation=conversation, author_id=actor.user_id, body=body, masked_body=mask_text(body)
        )
        stream_events.append_note(conversation, note)
        stream_events.record(actor, "CONVERSATION_NOTED", conversation, old_state=conversation.state, note=str(note.pk))
    return note
