"""Notes for colleagues about a conversation."""

from collections.abc import Collection
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction
from django.urls import reverse

from accounts.permissions import shares
from accounts.selectors import list_members
from conversations import texts
from conversations.contacts.names import mask_for_contact
from conversations.events import stream_events
from conversations.inbox import states
from conversations.inbox.teams.seen import answered_by, require_reply, teams_of_people
from conversations.inbox.threads.thread import (
    NOTE_LIMIT,
    VIEW,
    Kind,
    changeable,
    colleagues,
    mentioned_among,
    rewrite,
    tell,
)
from conversations.models import Contact, Conversation, Note, NoteVersion
from core.actors import Actor
from core.clock import now as clock_now
from core.db.rows import get_or_missing
from core.errors import Conflict, Invalid

KIND: Final = Kind("note", NoteVersion, "You were mentioned in a note on a conversation")
CHOOSE: Final = "Choose colleagues who can view conversations."


def add_note(
    *, actor: Actor, conversation_id: UUID, text: str, mentions: Collection[UUID] = (), now: datetime | None = None
) -> Note:
    """Add a note that only colleagues see, also to a closed conversation.

    Mentioned are the people in `mentions` and those whose full name stands in the text after an `@`; each is told once,
    by mail as well. Needs `conversations.reply_conversation`. Raises `NotFound`, `Invalid` for an empty or too long
    text, too many people or one who can't see this conversation, and `Conflict` ("erased"). Publishes `note_added` to
    staff. Writes `CONVERSATION_NOTED`.
    """
    require_reply(actor)
    body = texts.checked(text, limit=NOTE_LIMIT)
    people = mentioned_among(body, mentions, colleagues(), who=CHOOSE)
    with transaction.atomic():
        conversation = _locked(actor, conversation_id)
        _require_sight(conversation, people)
        note: Note = Note.objects.create(
            conversation=conversation,
            author_id=actor.user_id,
            body=body,
            masked_body=mask_for_contact(body, conversation),
            mentions=people,
            created_at=now or clock_now(),
        )
        states.let_empty_again(conversation)
        stream_events.append_note(conversation, note)
        told = [str(person) for person in people]
        facts = {"note": str(note.pk), "mentions": told}
        stream_events.record(actor, "CONVERSATION_NOTED", conversation, old_state=conversation.state, **facts)
        tell(kind=KIND, message=note, actor=actor, people=people, link=_page_of(note))
    return note


def revise_note(
    *,
    actor: Actor,
    conversation_id: UUID,
    note_id: UUID,
    text: str,
    mentions: Collection[UUID] = (),
    now: datetime | None = None,
) -> Note:
    """Change one's own note within 15 minutes; what it said before is kept.

    Who is mentioned now and wasn't before is told. The same text again changes nothing. Needs
    `conversations.reply_conversation` and to be its author. Raises `Refused`, `NotFound`, `Invalid`, and `Conflict`
    ("erased", "too_late"). Writes `CONVERSATION_NOTE_CHANGED`.
    """
    require_reply(actor)
    body, moment = texts.checked(text, limit=NOTE_LIMIT), now or clock_now()
    people = mentioned_among(body, mentions, colleagues(), who=CHOOSE)
    with transaction.atomic():
        conversation = _locked(actor, conversation_id)
        _require_sight(conversation, people)
        rows = Note.objects.filter(pk=note_id, conversation=conversation)
        note: Note = get_or_missing(rows, "There is no such note.")
        fresh = rewrite(kind=KIND, message=note, actor=actor, body=body, people=people, moment=moment)
        if fresh is None:
            return note
        stream_events.append_note(conversation, note)
        facts = {"note": str(note.pk), "mentions": [str(person) for person in fresh]}
        stream_events.record(actor, "CONVERSATION_NOTE_CHANGED", conversation, old_state=conversation.state, **facts)
        tell(kind=KIND, message=note, actor=actor, people=fresh, link=_page_of(note))
    return note


def changeable_notes(*, actor: Actor, conversation_id: UUID, now: datetime | None = None) -> dict[UUID, str]:
    """Return the texts of one's own notes that can still be changed, by id.

    One query. Needs `conversations.reply_conversation`; nothing for a program.
    """
    require_reply(actor)
    rows = Note.objects.filter(answered_by(actor, "conversation__"), conversation_id=conversation_id)
    return changeable(rows, actor=actor, now=now)


def _locked(actor: Actor, conversation_id: UUID) -> Conversation:
    conversation = states.locked(conversation_id, actor=actor, may_be_shared=True)
    if Contact.objects.filter(pk=conversation.contact_id, erased_at__isnull=False).exists():
        raise Conflict("This contact has been erased, so notes can't be added.", code="erased")
    return conversation


def _require_sight(conversation: Conversation, people: Collection[UUID]) -> None:
    """Refuse to mention somebody who is limited to teams that this conversation isn't in. At most four queries."""
    members = {one.user_id: one for one in list_members(permission=VIEW) if one.own_teams_only}
    limited = [one for one in people if one in members and one != conversation.assigned_to_id]
    if not limited:
        return
    teams = teams_of_people(limited)
    shared = shares.seen_by_people({person: members[person].role for person in limited}, [conversation.pk])
    for person in limited:
        if conversation.team_id not in teams[person] and (person, conversation.pk) not in shared:
            problem = f"{members[person].user.get_full_name()} sees only some conversations, not this one."
            raise Invalid(problem, fields={"mentions": [problem]})


def _page_of(note: Note) -> str:
    return f"{reverse('admin:conversations_conversation_change', args=[note.conversation_id])}#h-notes"
