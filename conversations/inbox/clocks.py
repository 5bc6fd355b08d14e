"""When the next answer of a conversation is due, by its team's targets and working time."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from conversations.models import Conversation, Message, Team, TeamTarget, hours_of
from conversations.transitions import CLOSED, PERSON
from core.working_time import ROUND_THE_CLOCK, BrokenCalendar, Calendar, due_again, seconds_left

ANSWERS: Final = (Message.Sender.AGENT, Message.Sender.PERSON)

LONGEST: Final = 2**31 - 1


def first_answer_due(conversation: Conversation, moment: datetime) -> datetime | None:
    """Return when a person has to have answered, or None without a target. One query.

    It counts from the customer's first unanswered message, or from the hand-off if there is none. Answers of agents
    don't end it: the conversation waits for a person. While it was snoozed its clock stood still.
    """
    since = _asked_since(conversation) or conversation.escalated_at or moment
    rests = [rest for rest in _rests(conversation) if rest[0] >= since]
    return _due(conversation, since, "first_answer_minutes", rests)


def resolution_due(conversation: Conversation, moment: datetime) -> datetime | None:
    """Return when the conversation has to be closed, counted from its hand-off, or None without a target. One query."""
    return _due(conversation, conversation.escalated_at or moment, "resolution_minutes")


def next_due(conversation: Conversation, moment: datetime) -> datetime | None:
    """Return what is due next: a person's answer, or that it is resolved. At most two queries."""
    if conversation.state != PERSON:
        return None
    if waits_for_person(conversation):
        return first_answer_due(conversation, moment)
    return resolution_due(conversation, conversation.first_person_answered_at or moment)


def waits_for_person(conversation: Conversation) -> bool:
    """Return True if no person has answered, or none since it was handed over again. At most one query."""
    answered, asked = conversation.first_person_answered_at, conversation.escalated_at
    if answered is None or asked is None or asked <= answered:
        return answered is None
    rows = Message.objects.filter(conversation=conversation, sender_type=Message.Sender.PERSON)
    return not rows.filter(created_at__gte=asked).exists()


def unanswered_since(conversation: Conversation) -> datetime | None:
    """Return when the first message came that has no answer yet; None if there is none. Two queries."""
    rows = Message.objects.filter(conversation=conversation)
    answered = rows.filter(sender_type__in=ANSWERS).order_by("-seq").values_list("seq", flat=True).first() or 0
    asked = rows.filter(sender_type=Message.Sender.CUSTOMER, seq__gt=answered).order_by("seq")
    return asked.values_list("created_at", flat=True).first()


def stop(conversation: Conversation, moment: datetime) -> None:
    """Keep what a locked conversation's clock has left, in its team's working time."""
    if conversation.next_due_at is None or conversation.snoozed_due_seconds is not None:
        return
    left = seconds_left(conversation.next_due_at, moment, calendar=hours_of(conversation.team))
    conversation.snoozed_due_seconds = max(-LONGEST, min(left, LONGEST))


def go_on(conversation: Conversation, moment: datetime) -> None:
    """Let a stopped clock go on, or start again with the message or first answer that came meanwhile."""
    news = (conversation.waiting_since, conversation.first_person_answered_at)
    if conversation.snoozed_at and any(one and one > conversation.snoozed_at for one in news):
        conversation.next_due_at = next_due(conversation, moment)
    elif conversation.snoozed_due_seconds is not None:
        calendar = hours_of(conversation.team)
        conversation.next_due_at = due_again(conversation.snoozed_due_seconds, moment, calendar=calendar)


def unsnoozed(conversation: Conversation, moment: datetime) -> tuple[str, ...]:
    """Make a locked conversation one that is not snoozed; return the fields to save.

    A rest before a person's first answer is kept: it doesn't count as waiting.
    """
    since, until = conversation.snoozed_at, conversation.snoozed_until
    answered = conversation.first_person_answered_at
    if since and until and (answered is None or answered > since):
        conversation.rests = [*conversation.rests, [since.isoformat(), min(until, moment).isoformat()]]
    conversation.snoozed_at = conversation.snoozed_until = conversation.snoozed_due_seconds = None
    return "snoozed_at", "snoozed_until", "snoozed_due_seconds", "rests"


def ask_person(conversation: Conversation, moment: datetime) -> tuple[str, ...]:
    """Start the wait for a person's first answer on a locked conversation; return the fields to save.

    It counts from the customer's first unanswered message, or from `moment`. Asking again changes nothing.
    """
    if conversation.first_person_answered_at is None and conversation.person_asked_at is None:
        conversation.person_asked_at = conversation.waiting_since or moment
    return ("person_asked_at",)


def ask_nobody(conversation: Conversation) -> tuple[str, ...]:
    """End the wait for a person's first answer that nobody gave; return the fields to save."""
    if conversation.first_person_answered_at is None:
        conversation.person_asked_at = None
    return ("person_asked_at",)


def note_answer(conversation: Conversation, message: Message, moment: datetime) -> tuple[str, ...]:
    """Stop the clocks that an answer stops on a locked conversation; return the fields to save.

    Words of the system are no answer. A person's first answer starts the time until it is resolved, if the team has
    a target: one query then, none otherwise.
    """
    if message.sender_type not in ANSWERS or conversation.state == CLOSED:
        return ()
    changed = []
    is_person = message.sender_type == Message.Sender.PERSON
    if is_person and conversation.first_person_answered_at is None and conversation.person_asked_at is None:
        # Nobody was asked for, but the person answers what came last.
        conversation.person_asked_at = conversation.waiting_since
        changed.append("person_asked_at")
    if conversation.waiting_since is not None:
        conversation.waiting_since = None
        changed.append("waiting_since")
    if conversation.first_answered_at is None:
        conversation.first_answered_at = moment
        changed.append("first_answered_at")
    if not is_person:
        return tuple(changed)
    if conversation.first_person_answered_at is None:
        conversation.first_person_answered_at = moment
        changed.append("first_person_answered_at")
    if conversation.next_due_at is not None:
        conversation.next_due_at = resolution_due(conversation, moment)
        changed.append("next_due_at")
    return tuple(changed)


def wait_of(
    conversation: Conversation, message: Message, moment: datetime, stopped: Collection[str]
) -> dict[str, float] | None:
    """Return how long the customer waited for an answer that `note_answer` stopped a clock for; None for others.

    One query for the working time of a team, and only for a person's first answer.
    """
    asked = conversation.person_asked_at
    if message.sender_type == Message.Sender.PERSON and "first_person_answered_at" in stopped and asked:
        parts = [(max(since, asked), min(until, moment)) for since, until in _rests(conversation)]
        return _lasted(conversation, asked, moment, without=[part for part in parts if part[0] < part[1]])
    if message.sender_type == Message.Sender.AGENT and "first_answered_at" in stopped and conversation.asked_at:
        return {"seconds": max(0.0, (moment - conversation.asked_at).total_seconds())}
    return None


def resolution_of(conversation: Conversation) -> dict[str, Any]:
    """Return how long a closed conversation took, and if an agent alone had it. One query for a team's hours."""
    facts: dict[str, Any] = {"person": conversation.last_person_id}
    if not conversation.resolved or conversation.closed_at is None:
        return facts
    begun = conversation.asked_at or conversation.created_at
    alone = conversation.first_person_answered_at is None and conversation.escalated_at is None
    return {**facts, "by_agent": alone, **_lasted(conversation, begun, conversation.closed_at)}


def _lasted(
    conversation: Conversation, begun: datetime, ended: datetime, *, without: Sequence[tuple[datetime, datetime]] = ()
) -> dict[str, float]:
    """Return a time without its rests: by the clock, and in the team's working time unless its calendar is broken."""

    def length_in(hours: Calendar) -> float:
        rested = sum(hours.between(*part).total_seconds() for part in without)
        return max(0.0, hours.between(begun, ended).total_seconds() - rested)

    found = {"seconds": length_in(ROUND_THE_CLOCK)}
    team = None
    if conversation.team_id is not None:
        team = Team.objects.select_related("calendar").filter(pk=conversation.team_id).first()
    try:
        return {**found, "working_seconds": length_in(hours_of(team))}
    except BrokenCalendar:
        return found


def _asked_since(conversation: Conversation) -> datetime | None:
    """Return since when the customer waits for a person, also where an agent has answered meanwhile.

    A message that came while the conversation was snoozed has started the wait again.
    """
    waiting, asked = conversation.waiting_since, conversation.person_asked_at
    if asked is None or conversation.first_person_answered_at is not None:
        return waiting
    if waiting is None:
        return asked
    came_in_rest = any(since <= waiting <= until for since, until in _rests(conversation))
    if came_in_rest or (conversation.snoozed_at is not None and conversation.snoozed_at < waiting):
        return waiting
    return min(waiting, asked)


def _rests(conversation: Conversation) -> list[tuple[datetime, datetime]]:
    return [(datetime.fromisoformat(since), datetime.fromisoformat(until)) for since, until in conversation.rests]


def _due(
    conversation: Conversation, since: datetime, field: str, rests: Sequence[tuple[datetime, datetime]] = ()
) -> datetime | None:
    if conversation.team_id is None:
        return None
    rows = TeamTarget.objects.filter(team_id=conversation.team_id, priority=conversation.priority)
    target = rows.select_related("team__calendar").first()
    minutes: int | None = getattr(target, field) if target else None
    if target is None or minutes is None:
        return None
    try:
        hours = hours_of(target.team)
        rested = sum((hours.between(start, end) for start, end in rests), timedelta(0))
        return hours.add(since, timedelta(minutes=minutes) + rested)
    except BrokenCalendar:
        # A calendar without hours promises nothing; the conversation is still the oldest that waits.
        return None
