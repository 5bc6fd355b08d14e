"""Keep what people have begun to write."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db.models import Q

from conversations import texts
from conversations.inbox.teams.seen import answered_by, answered_conversations, may_reply, require_reply
from conversations.models import Draft
from conversations.transitions import CLOSED
from core.actors import Actor
from core.clock import now as clock_now
from core.db.rows import get_or_missing
from core.errors import Conflict, Invalid
from core.retention import BATCH, remove

KEPT: Final = timedelta(days=30)


def save_draft(*, actor: Actor, conversation_id: UUID, text: str, now: datetime | None = None) -> Draft | None:
    """Keep what somebody has begun to write; an empty text deletes it.

    The last one to save counts. Only its writer reads it. Needs `conversations.reply_conversation`, and a person.
    Raises `Refused`, `NotFound`, `Invalid` for more than `settings.TEXT_LIMIT` characters, and `Conflict` ("closed").
    """
    writer = _writer(actor)
    if len(text) > settings.TEXT_LIMIT:
        problem = f"A draft has at most {settings.TEXT_LIMIT:,} characters."
        raise Invalid(problem, fields={"text": [problem]})
    body = texts.clean(text)
    if not body.strip():
        drop_draft(actor=actor, conversation_id=conversation_id)
        return None
    states = answered_conversations(actor).filter(pk=conversation_id).values_list("state", flat=True)
    state = get_or_missing(states, "There is no such conversation.")
    if state == CLOSED:
        raise Conflict("This conversation is closed.", code="closed")
    saved: Draft
    saved, _ = Draft.objects.update_or_create(
        conversation_id=conversation_id, writer_id=writer, defaults={"body": body, "updated_at": now or clock_now()}
    )
    return saved


def drop_draft(*, actor: Actor, conversation_id: UUID) -> None:
    """Delete what somebody has begun to write. Safe to repeat.

    Needs what `save_draft` needs.
    """
    Draft.objects.filter(conversation_id=conversation_id, writer_id=_writer(actor)).delete()


def own_draft(*, actor: Actor, conversation_id: UUID) -> Draft | None:
    """Return what somebody has begun to write, or None.

    One query. Needs what `save_draft` needs.
    """
    rows = Draft.objects.filter(answered_by(actor, "conversation__"), writer_id=_writer(actor))
    return rows.filter(conversation_id=conversation_id).first()


def with_own_drafts(*, actor: Actor, conversation_ids: Iterable[UUID]) -> set[UUID]:
    """Return those conversations in which somebody has begun to write.

    One query, none for a program.
    """
    if actor.user_id is None or not may_reply(actor):
        return set()
    rows = Draft.objects.filter(writer_id=actor.user_id, conversation_id__in=list(conversation_ids))
    return set(rows.values_list("conversation_id", flat=True))


def prune_drafts(*, now: datetime | None = None) -> int:
    """Delete drafts that nobody has changed for thirty days; return how many.

    For the sweep.
    """
    return remove(Draft, Q(updated_at__lt=(now or clock_now()) - KEPT), limit=BATCH)


def _writer(actor: Actor) -> UUID:
    require_reply(actor)
    return actor.require_person("Only people have drafts.")
