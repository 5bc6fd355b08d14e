"""How long a customer waited for the first answer, in working time and by the clock, of agent and person apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from conversations.inbox.teams.seen import require_view
from conversations.models import Conversation, hours_of
from core.actors import Actor
from core.clock import now as clock_now
from core.working_time import BrokenCalendar, Calendar

VIEW: Final = "conversations.view_conversation"
State = Conversation.State
_NONE: Final = timedelta(0)


@dataclass(frozen=True, slots=True)
class FirstAnswer:
    """A wait for a first answer: until it came, or until now if `answered_at` is None. Snoozed time doesn't count.

    `working_seconds` is None where the team's calendar is broken.
    """

    asked_at: datetime
    answered_at: datetime | None
    clock_seconds: int
    working_seconds: int | None


@dataclass(frozen=True, slots=True)
class FirstAnswers:
    """The wait for an agent and the wait for a person; None for one that nobody waited for."""

    agent: FirstAnswer | None = None
    person: FirstAnswer | None = None


def first_answers(*, viewer: Actor, conversation: Conversation, now: datetime | None = None) -> FirstAnswers:
    """Return how long the customer waited for the first answers since the conversation was opened or reopened.

    The agent's is measured from the first message. The person's is measured from the first message that had no answer
    when a person was asked for, or from then on. Words of the system are no answer. Working time is that of the
    conversation's team now. Needs `conversations.view_conversation`. At most two queries.
    """
    require_view(viewer)
    moment = now or clock_now()
    by_person = conversation.first_person_answered_at
    by_agent = conversation.first_answered_at if conversation.first_answered_at != by_person else None
    answers_agent = conversation.state == State.AGENT and conversation.first_answered_at is None
    answers_person = conversation.state == State.PERSON
    rests = [(datetime.fromisoformat(since), datetime.fromisoformat(until)) for since, until in conversation.rests]
    if conversation.snoozed_at and conversation.snoozed_until:
        rests.append((conversation.snoozed_at, min(conversation.snoozed_until, moment)))
    try:
        hours: Calendar | None = hours_of(conversation.team)
    except BrokenCalendar:
        hours = None
    return FirstAnswers(
        agent=_wait(conversation.asked_at, by_agent, moment if answers_agent else None, hours, rests=()),
        person=_wait(conversation.person_asked_at, by_person, moment if answers_person else None, hours, rests=rests),
    )


def _wait(
    asked: datetime | None,
    answered: datetime | None,
    moment: datetime | None,
    hours: Calendar | None,
    *,
    rests: Sequence[tuple[datetime, datetime]],
) -> FirstAnswer | None:
    end = answered or moment
    if asked is None or end is None or end < asked:
        return None
    parts = [(max(since, asked), min(until, end)) for since, until in rests]
    rested = [(since, until) for since, until in parts if since < until]
    clock = end - asked - sum((until - since for since, until in rested), _NONE)
    working = None
    if hours is not None:
        counted = hours.between(asked, end) - sum((hours.between(*part) for part in rested), _NONE)
        working = int(counted.total_seconds())
    return FirstAnswer(asked, answered, int(clock.total_seconds()), working)
