"""What notes and team chat have in common: mentions, versions, and who may change what for how long."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import QuerySet

from accounts.selectors import list_members
from conversations.contacts.names import mask_for_contact
from conversations.models import Note, NoteVersion, TeamMessage, TeamMessageVersion
from core import notices
from core.actors import Actor
from core.clock import now as clock_now
from core.errors import Conflict, Invalid, Refused
from core.privacy.pii import mask_text
from core.text.mentions import mentioned_in

VIEW: Final = "conversations.view_conversation"
NOTE_LIMIT: Final = 2000
MENTIONS_MAX: Final = 10
EDITED_WITHIN: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of message between colleagues: what it is called, where it keeps what it said, and what one is told."""

    noun: str
    version: type[NoteVersion] | type[TeamMessageVersion]
    told: str


def colleagues() -> dict[UUID, str]:
    """Return the names of the people who can view conversations. One query."""
    return {member.user_id: member.user.get_full_name() for member in list_members(permission=VIEW)}


def mentioned_among(body: str, chosen: Collection[UUID], readers: Mapping[UUID, str], *, who: str) -> list[UUID]:
    """Return who is chosen, or named after an `@`. Raises `Invalid` for others (it says `who`) and too many."""
    if any(person not in readers for person in chosen):
        raise Invalid(who, fields={"mentions": [who]})
    people = sorted({*chosen, *mentioned_in(body, readers)})
    if len(people) > MENTIONS_MAX:
        problem = f"Mention at most {MENTIONS_MAX} people."
        raise Invalid(problem, fields={"mentions": [problem]})
    return people


def rewrite(
    *, kind: Kind, message: Note | TeamMessage, actor: Actor, body: str, people: Collection[UUID], moment: datetime
) -> list[UUID] | None:
    """Change one's own message and keep what it said before.

    Returns who is newly mentioned, None if nothing changes. In the caller's transaction. Raises `Refused` for another's
    message, and `Conflict` ("too_late").
    """
    if actor.user_id is None or message.author_id != actor.user_id:
        raise Refused(f"Only its author can change a {kind.noun}.")
    if message.body == body:
        return None
    if moment >= message.created_at + EDITED_WITHIN:
        problem = f"A {kind.noun} can be changed for 15 minutes. Write another one."
        raise Conflict(problem, code="too_late")
    written_at = message.edited_at or message.created_at
    before = {"body": message.body, "masked_body": message.masked_body, "written_at": written_at}
    kind.version.objects.create(**{kind.noun: message}, **before)
    fresh = [person for person in people if person not in message.mentions]
    masked = mask_for_contact(body, message.conversation) if isinstance(message, Note) else mask_text(body)
    message.body, message.masked_body, message.edited_at = body, masked, moment
    message.mentions = sorted({*message.mentions, *people})
    message.save(update_fields=["body", "masked_body", "edited_at", "mentions"])
    return fresh


def tell(*, kind: Kind, message: Note | TeamMessage, actor: Actor, people: Collection[UUID], link: str) -> None:
    """Tell people that they were mentioned, once each and never oneself."""
    notices.leave(
        people=[person for person in people if person != actor.user_id],
        kind="mention",
        title=kind.told,
        level="alert",
        link=link,
        dedupe_key=f"mention:{message.pk}",
    )


def changeable(
    rows: QuerySet[Note] | QuerySet[TeamMessage], *, actor: Actor, now: datetime | None = None
) -> dict[UUID, str]:
    """Return the texts of one's own messages that can still be changed, by id.

    One query; nothing for a program.
    """
    own = rows.filter(author_id=actor.user_id, created_at__gt=(now or clock_now()) - EDITED_WITHIN)
    return {row.pk: row.body for row in own} if actor.user_id else {}
