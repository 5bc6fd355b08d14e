"""When the next answer of a conversation is due, by its team's targets and working time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from conversations.models import Conversation, Message, TeamTarget
from conversations.transitions import CLOSED
from core.working_time import ROUND_THE_CLOCK, BrokenCalendar, Calendar, calendar_from

ANSWERS: Final = (Message.Sender.AGENT, Message.Sender.PERSON)


def first_answer_due(conversation: Conversation, moment: datetime) -> datetime | None:
    """Return when a person has to have answered, or None without a target. One query.

    It counts from the customer's first unanswered message, or from `moment` if there is none. Answers of agents don't
    end it: the conversation waits for a person.
    """
    return _due(conversation, conversation.waiting_since or moment, "first_answer_minutes")


def resolution_due(conversation: Conversation, moment: datetime) -> datetime | None:
    """Return when the conversation has to be closed, counted from its hand-off, or None without a target. One query."""
    return _due(conversation, conversation.escalated_at or moment, "resolution_minutes")


def note_answer(conversation: Conversation, message: Message, moment: datetime) -> tuple[str, ...]:
    """Stop the clocks that an answer stops on a locked conversation; return the fields to save.

    Words of the system are no answer. A person's first answer starts the time until it is resolved, if the team has
    a target: one query then, none otherwise.
    """
    if message.sender_type not in ANSWERS or conversation.state == CLOSED:
        return ()
    changed = []
    if conversation.waiting_since is not None:
        conversation.waiting_since = None
        changed.append("waiting_since")
    if conversation.first_answered_at is None:
        conversation.first_answered_at = moment
        changed.append("first_answered_at")
    if message.sender_type != Message.Sender.PERSON:
        return tuple(changed)
    if conversation.first_person_answered_at is None:
        conversation.first_person_answered_at = moment
        changed.append("first_person_answered_at")
    if conversation.next_due_at is not None:
        conversation.next_due_at = resolution_due(conversation, moment)
        changed.append("next_due_at")
    return tuple(changed)


def _due(conversation: Conversation, since: datetime, field: str) -> datetime | None:
    if conversation.team_id is None:
        return None
    rows = TeamTarget.objects.filter(team_id=conversation.team_id, priority=conversation.priority)
    target = rows.select_related("team__calendar").first()
    minutes: int | None = getattr(target, field) if target else None
    if target is None or minutes is None:
        return None
    try:
        return _calendar(target).add(since, timedelta(minutes=minutes))
    except BrokenCalendar:
        # A calendar without hours promises nothing; the conversation is still the oldest that waits.
        return None


def _calendar(target: TeamTarget) -> Calendar:
    calendar = target.team.calendar
    return calendar_from(calendar.definition()) if calendar else ROUND_THE_CLOCK
