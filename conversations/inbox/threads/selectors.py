"""Read notes and the chat of a team, masked, with what each message said before."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from conversations.inbox.selectors.lists import require_clear
from conversations.inbox.teams.seen import require_seen, require_view, seen_by
from conversations.inbox.threads.models import REPLY, require_seat
from conversations.models import Note, NoteVersion, TeamChatReader, TeamMember, TeamMessage, TeamMessageVersion
from core.actors import Actor

NEWEST: Final = 20
PAGE: Final = 50
MOST_UNREAD: Final = 99


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
    require_view(viewer)
    require_seen(viewer, conversation_id)
    rows: QuerySet[Note] = Note.objects.filter(seen_by(viewer, "conversation__"), conversation_id=conversation_id)
    return rows.defer("body").order_by("-id").select_related("author")


def list_notes(*, viewer: Actor, conversation_id: UUID, clear: bool = False) -> list[NoteRow]:
    """Return the newest notes first, masked.

    Needs `conversations.view_conversation`; `clear` needs an open reveal of the messages, else
    `Refused` ("no_grant"). Two queries.
    """
    require_view(viewer)
    rows = Note.objects.filter(seen_by(viewer, "conversation__"), conversation_id=conversation_id).order_by("-id")
    if clear:
        require_clear(viewer=viewer, conversation_id=conversation_id)
    found = list((rows if clear else rows.defer("body"))[:NEWEST])
    former = _former(NoteVersion, "note", [note.pk for note in found if note.edited_at], clear=clear)
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


def _former(
    version: type[NoteVersion] | type[TeamMessageVersion], key: str, ids: Sequence[UUID], *, clear: bool = False
) -> dict[UUID, list[FormerText]]:
    """Return what messages said before they were changed, the newest first. One query if there are any."""
    found: dict[UUID, list[FormerText]] = {}
    if not ids:
        return found
    rows = version.objects.filter(**{f"{key}__in": ids}).order_by("-id")
    for row in rows if clear else rows.defer("body"):
        said = FormerText(row.body if clear else row.masked_body, row.written_at)
        found.setdefault(getattr(row, f"{key}_id"), []).append(said)
    return found


@dataclass(frozen=True, slots=True)
class ChatPage:
    """Some messages of a team's chat, the oldest first, with the newest number and where earlier ones begin."""

    rows: Sequence[NoteRow]
    newest: int
    earlier: int | None
    first_unread: UUID | None


def query_team_messages(*, viewer: Actor, team_id: UUID) -> QuerySet[TeamMessage]:
    """Return the messages of a team's chat without clear texts, newest first. Needs what `require_seat` needs."""
    require_seat(viewer=viewer, team_id=team_id)
    return TeamMessage.objects.filter(team_id=team_id).defer("body").select_related("author").order_by("-seq")


def read_team_chat(*, viewer: Actor, team_id: UUID, before: int | None = None) -> ChatPage:
    """Return a page of a team's chat, masked, with what each message said before.

    Needs what `require_seat` needs; raises `Refused`, `NotFound`.
    """
    rows = query_team_messages(viewer=viewer, team_id=team_id)
    newest = rows.values_list("seq", flat=True).first() or 0
    found = list((rows.filter(seq__lt=before) if before else rows)[: PAGE + 1])
    shown = found[:PAGE][::-1]
    reader = TeamChatReader.objects.filter(team_id=team_id, user_id=viewer.user_id).values_list("seq", flat=True)
    seen = reader.first() or 0
    unread = (row.pk for row in shown if row.seq > seen and row.author_id != viewer.user_id)
    former = _former(TeamMessageVersion, "message", [row.pk for row in shown if row.edited_at])
    return ChatPage(
        [
            NoteRow(row.pk, row.author_id, row.masked_body, row.created_at, row.edited_at, former.get(row.pk, ()))
            for row in shown
        ],
        newest=newest,
        earlier=shown[0].seq if len(found) > PAGE else None,
        first_unread=next(unread, None) if seen else None,
    )


def count_unread(*, viewer: Actor) -> dict[UUID, int]:
    """Return how many messages of others the viewer hasn't read, for each team that they have a seat in. One query."""
    if viewer.user_id is None or not viewer.may(REPLY):
        return {}
    seen = TeamChatReader.objects.filter(team_id=OuterRef("team_id"), user_id=viewer.user_id).values("seq")[:1]
    mine = TeamMember.objects.filter(user_id=viewer.user_id).values("team_id")
    rows = TeamMessage.objects.filter(team_id__in=mine).exclude(author_id=viewer.user_id)
    rows = rows.annotate(seen=Coalesce(Subquery(seen), 0)).filter(Q(seq__gt=F("seen"))).order_by()
    return {team_id: min(count, MOST_UNREAD) for team_id, count in rows.values_list("team_id").annotate(Count("pk"))}
