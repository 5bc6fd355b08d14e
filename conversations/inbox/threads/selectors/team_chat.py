"""Read the internal chat of a team, masked: for its people and those who manage the inbox."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from conversations.inbox.threads.models import REPLY, require_seat
from conversations.inbox.threads.selectors.notes import FormerText, NoteRow
from conversations.models import TeamChatReader, TeamMember, TeamMessage, TeamMessageVersion
from core.actors import Actor

PAGE: Final = 50
MOST_UNREAD: Final = 99


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
    rows: QuerySet[TeamMessage] = TeamMessage.objects.filter(team_id=team_id).defer("body")
    return rows.select_related("author").order_by("-seq")


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
    former = _former([row.pk for row in shown if row.edited_at])
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


def _former(ids: Sequence[UUID]) -> dict[UUID, list[FormerText]]:
    found: dict[UUID, list[FormerText]] = {}
    if not ids:
        return found
    for row in TeamMessageVersion.objects.filter(message__in=ids).defer("body").order_by("-id"):
        found.setdefault(row.message_id, []).append(FormerText(row.masked_body, row.written_at))
    return found
