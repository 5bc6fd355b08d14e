"""Answer what a customer writes while they wait for a person, once for each hand-off."""

from datetime import datetime, timedelta
from math import ceil
from typing import Final
from uuid import UUID, uuid5

from django.db import transaction
from django.db.models import Q

from conversations.inbox import states
from conversations.messages import outbound
from conversations.messages.outbound import Draft, Sender
from conversations.models import WAITS_FOR_PERSON, Conversation, Message, hours_of
from conversations.registry import usual_first_answer
from conversations.transitions import PERSON
from core.actors import Actor
from core.clock import now as clock_now
from core.errors import Refused
from core.reliability import loose_cache
from core.tenancy.scope import current_tenant_id
from core.text.speech import gettext, ngettext, speaking
from core.working_time import BrokenCalendar

RECENT: Final = timedelta(days=2)
USUAL: Final = "usual-answer"
KEEP_SECONDS: Final = 3600
LEAST_WAITS, MOST_WAITS = 5, 20
LONGEST_SAID: Final = timedelta(hours=4)


def answer_about_the_wait(*, actor: Actor, message_id: UUID, now: datetime | None = None) -> bool:
    """Say that a person will reply, how many wait before, and how long it may take.

    Returns False where nobody was asked for, somebody has replied or it was said already. Safe to repeat.
    For the system. Raises `Refused`.
    """
    if actor.kind != "system":
        raise Refused
    message = Message.objects.filter(pk=message_id, direction=Message.Direction.IN).only("conversation_id").first()
    if message is None:
        return False
    with transaction.atomic():
        conversation = states.locked(message.conversation_id, actor=actor)
        since = conversation.escalated_at
        if conversation.state != PERSON or since is None:
            return False
        replies = Message.objects.filter(conversation=conversation, sender_type=Message.Sender.PERSON)
        answered = uuid5(conversation.pk, f"wait {since.isoformat()}")
        told = Message.objects.filter(conversation=conversation, client_id=answered)
        if replies.filter(created_at__gte=since).exists() or told.exists():
            return False
        with speaking(conversation.spoken_language):
            text = _sentence(conversation, now or clock_now())
        outbound.reply(
            actor=actor,
            conversation_id=conversation.pk,
            draft=Draft(
                text=text,
                client_id=answered,
                sender=Sender(type="system", name="walker"),
            ),
        )
    return True


def _sentence(conversation: Conversation, moment: datetime) -> str:
    if conversation.assigned_to_id is not None:
        return gettext("Thanks, I've passed that on. The colleague who has your conversation will reply here.")
    ahead = _ahead_of(conversation)
    place = ngettext("One conversation is ahead of yours.", "{count} conversations are ahead of yours.", ahead)
    place = place.format(count=ahead) if ahead else gettext("You're next.")
    said = gettext("Thanks, I've passed that on. A colleague will reply here as soon as they can.")
    wait = expected_wait(conversation, moment)
    lately = gettext("The recent wait was {time}.").format(time=in_words(wait)) if wait is not None else ""
    return " ".join(filter(None, (said, place, lately)))


def _ahead_of(conversation: Conversation) -> int:
    """Return how many get their person before this one: in the order in which its team gives them."""
    due, since = conversation.next_due_at, conversation.escalated_at
    older = Q(escalated_at__lt=since)
    if due is None:
        sooner = Q(next_due_at__isnull=False) | Q(next_due_at=None) & older
    else:
        sooner = Q(next_due_at__lt=due) | Q(next_due_at=due) & older
    first = Q(priority__gt=conversation.priority) | Q(priority=conversation.priority) & sooner
    rows = Conversation.objects.filter(WAITS_FOR_PERSON, team_id=conversation.team_id)
    return rows.filter(first).exclude(pk=conversation.pk).count()


def tell_usual_answer(*, account_id: UUID) -> str:
    """Return how long first answers on a channel lately took, in words; for everyone.

    "" for too few answers to say, and for longer waits than a customer is told of. Kept for an hour.
    """
    key = f"{current_tenant_id()}:usual-answer:{account_id}"
    seconds: float | None = loose_cache.find(key, what=USUAL)
    if seconds is None:
        counted = usual_first_answer(account_id)
        seconds = float("inf") if counted is None else counted
        loose_cache.keep(key, seconds, seconds=KEEP_SECONDS, what=USUAL)
    if seconds > LONGEST_SAID.total_seconds():
        return ""
    return gettext("Answers usually take {time}.").format(time=in_words(timedelta(seconds=seconds)))


def expected_wait(conversation: Conversation, moment: datetime) -> timedelta | None:
    """Return how long most people lately waited for a person of the team, or None where nobody can tell.

    Three of four waits of the last two days were no longer, in the team's hours. Too few waits, hours that end before,
    and more than four hours promise nothing. Two queries.
    """
    if conversation.team_id is None or conversation.team is None:
        return None
    answered = Conversation.objects.filter(
        team_id=conversation.team_id, person_asked_at__isnull=False, first_person_answered_at__gte=moment - RECENT
    )
    newest = answered.filter(first_person_answered_at__lte=moment, rests=[]).order_by("-first_person_answered_at")
    pairs = list(newest.values_list("person_asked_at", "first_person_answered_at")[:MOST_WAITS])
    if len(pairs) < LEAST_WAITS:
        return None
    try:
        hours = hours_of(conversation.team)
        waits = sorted(hours.between(asked, done) for asked, done in pairs if asked and done)
        wait = waits[ceil(len(waits) * 3 / 4) - 1]
        # Near the end of the hours nobody knows who still gets to it.
        is_open = hours.between(moment, moment + max(wait, timedelta(minutes=1))) >= wait
    except BrokenCalendar:
        return None
    is_now = hours.between(moment, moment + timedelta(minutes=1)) > timedelta(0)
    return wait if is_open and is_now and wait <= LONGEST_SAID else None


def in_words(wait: timedelta) -> str:
    """Return a wait in words, always rounded up: to minutes, five minutes after ten, half hours after an hour."""
    minutes = ceil(wait.total_seconds() / 60)
    if minutes <= 1:
        return gettext("no more than a minute")
    if minutes > 10:
        minutes = ceil(minutes / 5) * 5
    if minutes < 60:
        return gettext("up to {count} minutes").format(count=minutes)
    halves = ceil(minutes / 30)
    if halves == 2:
        return gettext("up to an hour")
    return gettext("up to {count} hours").format(count=f"{halves // 2}{'½' if halves % 2 else ''}")
