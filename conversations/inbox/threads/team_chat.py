"""The internal chat of a team: write, change one's own words, and note what one has read."""

from collections.abc import Collection
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction
from django.urls import reverse

from accounts.selectors import list_members
from conversations import texts
from conversations.inbox import assignment
from conversations.inbox.threads.models import chat_stream, require_seat
from conversations.inbox.threads.thread import NOTE_LIMIT, Kind, changeable, colleagues, mentioned_among, rewrite, tell
from conversations.models import Team, TeamChatReader, TeamMember, TeamMessage, TeamMessageVersion
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.db.locks import locked
from core.db.rows import get_or_missing
from core.events import streams
from core.privacy.pii import mask_text

KIND: Final = Kind("message", TeamMessageVersion, "You were mentioned in your team's chat")
MISSING: Final = "This team doesn't exist."


def write_to_team(
    *, actor: Actor, team_id: UUID, text: str, mentions: Collection[UUID] = (), now: datetime | None = None
) -> TeamMessage:
    """Write to the people of a team.

    Mentioned are the people in `mentions` and those whose full name stands in the text after an `@`, if they can read
    the chat; each is told once, by mail as well. Needs `conversations.reply_conversation` and a seat in the team, or
    `conversations.manage_desk`. Raises `Refused`, `NotFound`, and `Invalid` for an empty or too long text, too many
    people or one who can't read it. Publishes `team_message_written` to the chat. Writes `TEAM_MESSAGE_WRITTEN`.
    """
    actor.require(assignment.REPLY)
    body = texts.checked(text, limit=NOTE_LIMIT)
    with transaction.atomic():
        team = _open(actor, team_id)
        people = mentioned_among(body, mentions, _readers(team_id), who="Choose people of this team.")
        message = TeamMessage(
            team=team,
            author_id=actor.user_id,
            body=body,
            masked_body=mask_text(body),
            mentions=people,
            created_at=now or clock_now(),
        )
        message.seq = _publish(message, "team_message_written")
        message.save(force_insert=True)
        _note_read(actor, team_id, message.seq)
        tell(kind=KIND, message=message, actor=actor, people=people, link=_page_of(team_id))
        _record(actor, "TEAM_MESSAGE_WRITTEN", message, people)
    return message


def revise_team_message(
    *,
    actor: Actor,
    team_id: UUID,
    message_id: UUID,
    text: str,
    mentions: Collection[UUID] = (),
    now: datetime | None = None,
) -> TeamMessage:
    """Change one's own message within 15 minutes; what it said before is kept.

    Who is mentioned now and wasn't before is told. The same text again changes nothing. Needs what `write_to_team`
    needs, and to be its author. Raises `Refused`, `NotFound`, `Invalid`, and `Conflict` ("too_late"). Publishes
    `team_message_changed`. Writes `TEAM_MESSAGE_CHANGED`.
    """
    actor.require(assignment.REPLY)
    body, moment = texts.checked(text, limit=NOTE_LIMIT), now or clock_now()
    with transaction.atomic():
        _open(actor, team_id)
        people = mentioned_among(body, mentions, _readers(team_id), who="Choose people of this team.")
        message = locked(TeamMessage, message_id, "There is no such message.", team_id=team_id)
        fresh = rewrite(kind=KIND, message=message, actor=actor, body=body, people=people, moment=moment)
        if fresh is None:
            return message
        _publish(message, "team_message_changed")
        tell(kind=KIND, message=message, actor=actor, people=fresh, link=_page_of(team_id))
        _record(actor, "TEAM_MESSAGE_CHANGED", message, fresh)
    return message


def note_team_chat_read(*, actor: Actor, team_id: UUID, seq: int) -> int:
    """Note how far one has read a team's chat, and return the number.

    It never goes back. Needs what reading it needs; raises `Refused`, `NotFound`. Not audited: it decides nothing.
    """
    require_seat(viewer=actor, team_id=team_id)
    newest = TeamMessage.objects.filter(team_id=team_id, seq__lte=seq).order_by("-seq").values_list("seq", flat=True)
    return _note_read(actor, team_id, newest.first() or 0)


def _note_read(actor: Actor, team_id: UUID, seq: int) -> int:
    if actor.user_id is None:
        return seq
    rows = TeamChatReader.objects
    row, _ = rows.get_or_create(team_id=team_id, user_id=actor.user_id, defaults={"seq": seq})
    rows.filter(pk=row.pk, seq__lt=seq).update(seq=seq)
    return max(int(row.seq), seq)


def _open(actor: Actor, team_id: UUID) -> Team:
    """Return the team if the actor has a seat in it; the row's share lock makes a removal wait for the commit."""
    require_seat(viewer=actor, team_id=team_id)
    team: Team = get_or_missing(Team.objects.select_for_update(of=("self",), no_key=True).filter(pk=team_id), MISSING)
    require_seat(viewer=actor, team_id=team_id)
    return team


def _readers(team_id: UUID) -> dict[UUID, str]:
    """Return who can read the chat: the team's people and those who manage the inbox."""
    seats = set(TeamMember.objects.filter(team_id=team_id).values_list("user_id", flat=True))
    managers = {member.user_id for member in list_members(permission=assignment.MANAGE)}
    return {person: name for person, name in colleagues().items() if person in seats | managers}


def _page_of(team_id: UUID) -> str:
    return f"{reverse('admin:conversations_team_chat', args=[team_id])}#h-chat"


def _publish(message: TeamMessage, event: str) -> int:
    """Publish ids only: the words are read from the row, by those who may read them then."""
    facts = {"message": str(message.pk), "author": str(message.author_id) if message.author_id else None}
    return streams.append(chat_stream(message.team_id), event, facts).seq


def _record(actor: Actor, action: str, message: TeamMessage, people: Collection[UUID]) -> None:
    told = [str(person) for person in people]
    chain.note(actor, action, Team(pk=message.team_id), message=str(message.pk), mentions=told)


def changeable_team_messages(*, actor: Actor, team_id: UUID, now: datetime | None = None) -> dict[UUID, str]:
    """Return the texts of one's own messages that can still be changed, by id.

    One query; nothing for a program.
    """
    return changeable(TeamMessage.objects.filter(team_id=team_id), actor=actor, now=now)
