"""Read the notes of a conversation, masked or revealed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from accounts.privacy.reveals import require_grant
from conversations.models import Note
from conversations.selectors.messages import CONVERSATION, VIEW
from core.actors import Actor

NEWEST: Final = 20


@dataclass(frozen=True, slots=True)
class NoteRow:
    """A note; its text is masked unless requested in clear."""

    author_id: UUID | None
    text: str = field(repr=False)
    created_at: datetime


def list_notes(*, viewer: Actor, conversation_id: UUID, clear: bool = False) -> list[NoteRow]:
    """Return the newest notes first, masked.

    Needs `conversations.view_conversation`; `clear` needs an open reveal of the messages, else
    `Refused` ("no_grant"). One query.
    """
    viewer.require(VIEW)
    rows = Note.objects.filter(conversation_id=conversation_id).order_by("-id")
    if clear:
        viewer.require("accounts.view_pii")
        require_grant(actor=viewer, object_type=CONVERSATION, object_id=conversation_id, field="messages")
    found = (rows if clear else rows.defer("body"))[:NEWEST]
    return [NoteRow(note.author_id, note.body if clear else note.masked_body, note.created_at) for note in found]
