"""Notes for colleagues about a conversation."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.urls import reverse

from accounts.selectors import list_members
from conversations import texts
from conversations.events import stream_events
from conversations.inbox import states
from conversations.inbox.teams.seen import seen_by
from conversations.models import Contact, Conversation, Note, NoteVersion, TeamMember
from core import notices
from core.actors import Actor
from core.clock import now as clock_now
from core.errors import Conflict, Invalid, NotFound, Refused
from core.privacy.pii import mask_text
from core.text.mentions import mentioned_in

VIEW: Final = "conversations.view_conversation"
NOTE_LIMIT: Final = 2000
MENTIONS_MAX: Final = 10
EDITED_WITHIN: Final = timedelta(minutes=15)
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
    actor.require(states.REPLY)
    body = texts.checked(text, limit=NOTE_LIMIT)
    people = mentioned_among(body, mentions, _colleagues(), who=CHOOSE)
    with transaction.atomic():
        conversation = _locked(actor, conversation_id)
        _require_sight(conversation, people)
        note: Note = Note.objects.create(
            conversation=conversation,
            author_id=actor.user_id,
            body=body,
            masked_body=mask_text(body),
            mentions=people,
            created_at=now or clock_now(),
        )
        stream_events.append_note(conversation, note)
        told = [str(person) for person in people]
        facts = {"note": str(note.pk), "mentions": told}
        stream_events.record(actor, "CONVERSATION_NOTED", conversation, old_state=conversation.state, **facts)
        _tell(actor, note, people)
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
    actor.require(states.REPLY)
    body, moment = texts.checked(text, limit=NOTE_LIMIT), now or clock_now()
    people = mentioned_among(body, mentions, _colleagues(), who=CHOOSE)
    with transaction.atomic():
        conversation = _locked(actor, conversation_id)
        _require_sight(conversation, people)
        note: Note | None = Note.objects.filter(pk=note_id, conversation=conversation).first()
        if note is None:
            raise NotFound("There is no such note.")
        if actor.user_id is None or note.author_id != actor.user_id:
            raise Refused("Only its author can change a note.")
        if note.body == body:
            return note
        if moment >= note.created_at + EDITED_WITHIN:
            raise Conflict("A note can be changed for 15 minutes. Write another one.", code="too_late")
        NoteVersion.objects.create(
            note=note, body=note.body, masked_body=note.masked_body, written_at=note.edited_at or note.created_at
        )
        fresh = [person for person in people if person not in note.mentions]
        note.body, note.masked_body, note.edited_at = body, mask_text(body), moment
        note.mentions = sorted({*note.mentions, *people})
        note.save(update_fields=["body", "masked_body", "edited_at", "mentions"])
        stream_events.append_note(conversation, note)
        facts = {"note": str(note.pk), "mentions": [str(person) for person in fresh]}
        stream_events.record(actor, "CONVERSATION_NOTE_CHANGED", conversation, old_state=conversation.state, **facts)
        _tell(actor, note, fresh)
    return note


def changeable_notes(*, actor: Actor, conversation_id: UUID, now: datetime | None = None) -> dict[UUID, str]:
    """Return the texts of one's own notes that can still be changed, by id.

    One query. Needs `conversations.reply_conversation`; nothing for a program.
    """
    actor.require(states.REPLY)
    since = (now or clock_now()) - EDITED_WITHIN
    rows = Note.objects.filter(seen_by(actor, "conversation__"), conversation_id=conversation_id)
    rows = rows.filter(author_id=actor.user_id, created_at__gt=since)
    return {note.pk: note.body for note in rows} if actor.user_id else {}


def _locked(actor: Actor, conversation_id: UUID) -> Conversation:
    conversation = states.locked(conversation_id, actor=actor)
    if Contact.objects.filter(pk=conversation.contact_id, erased_at__isnull=False).exists():
        raise Conflict("This contact has been erased, so notes can't be added.", code="erased")
    return conversation


def _colleagues() -> dict[UUID, str]:
    return {member.user_id: member.user.get_full_name() for member in list_members(permission=VIEW)}


def mentioned_among(body: str, chosen: Collection[UUID], colleagues: Mapping[UUID, str], *, who: str) -> list[UUID]:
    """Return the people a text mentions: those chosen, and those whose full name stands in it after an `@`.

    Raises `Invalid`, which says `who` can be chosen, for others and for too many.
    """
    if any(person not in colleagues for person in chosen):
        raise Invalid(who, fields={"mentions": [who]})
    people = sorted({*chosen, *mentioned_in(body, colleagues)})
    if len(people) > MENTIONS_MAX:
        problem = f"Mention at most {MENTIONS_MAX} people."
        raise Invalid(problem, fields={"mentions": [problem]})
    return people


def _require_sight(conversation: Conversation, people: Collection[UUID]) -> None:
    """Refuse to mention somebody who is limited to teams that this conversation isn't in. At most two queries."""
    members = {one.user_id: one.user for one in list_members(permission=VIEW) if one.own_teams_only}
    limited = [one for one in people if one in members and one != conversation.assigned_to_id]
    if not limited:
        return
    inside = set(
        TeamMember.objects.filter(team=conversation.team_id, user_id__in=limited).values_list("user_id", flat=True)
    )
    for person in limited:
        if person not in inside:
            problem = f"{members[person].get_full_name()} sees only conversations of their own teams, not this one."
            raise Invalid(problem, fields={"mentions": [problem]})


def _tell(actor: Actor, note: Note, people: Collection[UUID]) -> None:
    notices.leave(
        people=[person for person in people if person != actor.user_id],
        kind="mention",
        title="You were mentioned in a note on a conversation",
        level="alert",
        link=f"{reverse('admin:conversations_conversation_change', args=[note.conversation_id])}#h-notes",
        dedupe_key=f"mention:{note.pk}",
    )
