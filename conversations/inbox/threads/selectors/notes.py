"""Read the notes of a conversation, masked or revealed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import QuerySet

from conversations.inbox.selectors.lists import VIEW, require_clear
from conversations.inbox.teams.seen import require_seen, seen_by
from conversations.models import Note, NoteVersion
from core.actors import Actor

NEWEST: Final = 20


@dataclass(frozen=True, slots=True)
class FormerText:
    """What a note said before it was changed."""

    text: str = field(repr=False)
    at: datetime


@dataclass(frozen=True, slots=True)
class NoteRow:
    """A note; its texts are masked unless requested in clear. The newest former text is the first."""

    id: UUID
    author_id: UUID | None
    text: str = field(repr=False)
    created_at: datetime
    edited_at: datetime | None = None
    former: Sequence[FormerText] = ()


def query_notes(*, viewer: Actor, conversation_id: UUID) -> QuerySet[Note]:
    """Return the notes of a conversation without clear texts, newest first.

    Needs `conversations.view_conversation`; raises `NotFound`.
    """
    viewer.require(VIEW)
    require_seen(viewer, conversation_id)
    rows: QuerySet[Note] = Note.objects.filter(seen_by(viewer, "conversation__"), conversation_id=conversation_id)
    return rows.defer("body").order_by("-id").select_related("author")


def list_notes(*, viewer: Actor, conversation_id: UUID, clear: bool = False) -> list[NoteRow]:
    """Return the newest notes first, masked.

    Needs `conversations.view_conversation`; `clear` needs an open reveal of the messages, else
    `Refused` ("no_grant"). Two queries.
    """
    viewer.require(VIEW)
    rows = Note.objects.filter(seen_by(viewer, "conversation__"), conversation_id=conversation_id).order_by("-id")
    if clear:
        require_clear(viewer=viewer, conversation_id=conversation_id)
    found = list((rows if clear else rows.defer("body"))[:NEWEST])
    former = _former([note.pk for note in found if note.edited_at], clear=clear)
    return [
        NoteRow(
            note.pk,
            note.author_id,
            note.body if clear else note.masked_body,
            note.created_at,
            note.edited_at,
            former.get(note.pk, ()),
        )
        for note in found
    ]


def _former(note_ids: Sequence[UUID], *, clear: bool) -> dict[UUID, list[FormerText]]:
    found: dict[UUID, list[FormerText]] = {}
    if not note_ids:
        return found
    rows = NoteVersion.objects.filter(note__in=note_ids).order_by("-id")
    for row in rows if clear else rows.defer("body"):
        found.setdefault(row.note_id, []).append(FormerText(row.body if clear else row.masked_body, row.written_at))
    return found
