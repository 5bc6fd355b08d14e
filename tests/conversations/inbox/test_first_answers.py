"""How long customers waited for the first answer, as a person counts it, and what they are told while they wait."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from conversations import services
from conversations.inbox import snoozes, states
from conversations.inbox.selectors.first_answers import FirstAnswer, first_answers
from conversations.models import Conversation, Message, Priority
from conversations.replies.wait_notice import expected_wait, in_words
from conversations.services import Draft, Sender
from core.actors import Actor
from core.errors import Refused
from hitl.models import BusinessCalendar
from tests.console.conftest import Browser, browser  # noqa: F401
from tests.conversations.conftest import AGENT, Shop
from tests.conversations.inbox.teams.test_teams import DESK, MONDAY, handed_off, team_of

pytestmark = pytest.mark.django_db
MADRID = ZoneInfo("Europe/Madrid")
DAYS = ("mon", "tue", "wed", "thu", "fri")
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Row:
    """What happens when, in Madrid, and the waits a person counts: by the clock and in working time, in minutes.

    The office is open from Monday to Friday, 09:00 to 17:00; where `nights` is set, also from 22:00 on Saturday to
    06:00 on Sunday. None: nobody waited.
    """

    why: str
    steps: str
    agent: tuple[int, int] | None
    person: tuple[int, int] | None
    nights: bool = False


TABLE = [
    Row(
        "a plain day",
        "customer 2026-11-23 10:00; agent 2026-11-23 10:02",
        agent=(2, 2),
        person=None,
    ),
    Row(
        "a weekend: half an hour on Friday, a quarter on Monday; 64 h 45 by the clock",
        "customer 2026-11-20 16:30; hand-off 2026-11-20 16:31; person 2026-11-23 09:15",
        agent=None,
        person=(64 * 60 + 45, 45),
    ),
    Row(
        "clocks go forward: 22:00 to 06:00 is seven hours, and 02:00 to 03:00 is not there",
        "customer 2026-03-28 23:00; hand-off 2026-03-28 23:00; person 2026-03-29 05:00",
        agent=None,
        person=(5 * 60, 5 * 60),
        nights=True,
    ),
    Row(
        "clocks go back: 23:00 to 05:00 is seven hours",
        "customer 2026-10-24 23:00; hand-off 2026-10-24 23:00; person 2026-10-25 05:00",
        agent=None,
        person=(7 * 60, 7 * 60),
        nights=True,
    ),
    Row(
        "clocks go back on a weekend without work: 66 h instead of 65, one hour of work",
        "customer 2026-10-23 16:30; hand-off 2026-10-23 16:30; person 2026-10-26 09:30",
        agent=None,
        person=(66 * 60, 60),
    ),
    Row(
        "agent first, then a person: from the question that it could not answer",
        "customer 2026-11-23 10:00; agent 2026-11-23 10:01; customer 2026-11-23 10:05; "
        "hand-off 2026-11-23 10:06; customer 2026-11-23 10:10; person 2026-11-23 10:35",
        agent=(1, 1),
        person=(30, 30),
    ),
    Row(
        "agent first, and nothing open: from the hand-off",
        "customer 2026-11-23 10:00; agent 2026-11-23 10:01; hand-off 2026-11-23 10:06; person 2026-11-23 10:20",
        agent=(1, 1),
        person=(14, 14),
    ),
    Row(
        "asking again, and the agent's word meanwhile, change nothing",
        "customer 2026-11-23 10:00; hand-off 2026-11-23 10:05; words 2026-11-23 10:05; "
        "escalate 2026-11-23 10:20; person 2026-11-23 10:30",
        agent=None,
        person=(30, 30),
    ),
    Row(
        "a person who takes it and answers: the agent was never first",
        "customer 2026-11-23 10:00; take 2026-11-23 10:05; customer 2026-11-23 10:10; person 2026-11-23 10:15",
        agent=None,
        person=(15, 15),
    ),
    Row(
        "a snooze that ran out: 10:00 to 10:10 and 12:00 to 12:20",
        "customer 2026-11-23 10:00; hand-off 2026-11-23 10:00; snooze 2026-11-23 10:10 2026-11-23 12:00; "
        "wake 2026-11-23 12:00; person 2026-11-23 12:20",
        agent=None,
        person=(30, 30),
    ),
    Row(
        "a snooze over a night, answered in it: 16:00 to 16:30",
        "customer 2026-11-23 16:00; hand-off 2026-11-23 16:00; snooze 2026-11-23 16:30 2026-11-24 12:00; "
        "person 2026-11-24 09:30; wake 2026-11-24 12:00",
        agent=None,
        person=(30, 30),
    ),
    Row(
        "a snooze that the customer's message ended: from that message",
        "customer 2026-11-23 10:00; hand-off 2026-11-23 10:00; snooze 2026-11-23 10:10 2026-11-24 12:00; "
        "customer 2026-11-23 11:00; wake 2026-11-23 11:01; customer 2026-11-23 11:05; person 2026-11-23 11:12",
        agent=None,
        person=(12, 12),
    ),
    Row(
        "reopened: the first life is forgotten",
        "customer 2026-11-23 10:00; agent 2026-11-23 10:30; hand-off 2026-11-23 10:30; person 2026-11-23 11:30; "
        "close 2026-11-23 12:00; customer 2026-11-23 16:50; agent 2026-11-23 16:53; customer 2026-11-23 16:55; "
        "hand-off 2026-11-23 16:56; person 2026-11-24 09:05",
        agent=(3, 3),
        person=(16 * 60 + 10, 10),
    ),
    Row(
        "still waiting at the end of the steps, and half an hour more",
        "customer 2026-11-23 10:00; hand-off 2026-11-23 10:00; look 2026-11-23 10:30",
        agent=None,
        person=(30, 30),
    ),
    Row(
        "still waiting and snoozed: it stands",
        "customer 2026-11-23 10:00; hand-off 2026-11-23 10:00; snooze 2026-11-23 10:10 2026-11-24 12:00; "
        "look 2026-11-23 15:00",
        agent=None,
        person=(10, 10),
    ),
    Row(
        "given back before anybody answered: nobody waits for a person",
        "customer 2026-11-23 10:00; hand-off 2026-11-23 10:00; take 2026-11-23 10:10; back 2026-11-23 10:11; "
        "look 2026-11-23 10:20",
        agent=(20, 20),
        person=None,
    ),
]


def moment_of(day: str, time: str) -> datetime:
    """A time of Madrid."""
    return datetime.fromisoformat(f"{day}T{time}").replace(tzinfo=MADRID).astimezone(UTC)


def play(shop: Shop, steps: str) -> tuple[Conversation, datetime]:
    """Let the steps happen; return the conversation and the moment of the last one."""
    support: Actor = shop.world.actor("support")
    by_support = Draft(text="Here I am", sender=Sender(type="person"))
    by_walker = Draft(text="Wait", sender=Sender(type="system", name="walker"))
    does: dict[str, Callable[..., Any]] = {
        "agent": partial(services.reply, actor=AGENT, draft=Draft(text="Hm")),
        "words": partial(services.reply, actor=DESK, draft=by_walker),
        "person": partial(services.reply, actor=support, draft=by_support),
        "hand-off": partial(services.hand_off, actor=AGENT, reason="asked_for_person"),
        "escalate": partial(states.escalate, actor=support, reason="needs_specialist"),
        "take": lambda now, **on: states.take_over(actor=support, **on),  # noqa: ARG005
        "back": lambda now, **on: states.give_back(actor=support, **on),  # noqa: ARG005
        "snooze": partial(services.snooze, actor=support),
        "wake": partial(snoozes.wake, actor=DESK),
        "close": partial(services.close, actor=support, resolved=True),
        "look": lambda **on: on,
    }
    at, talk_id = MONDAY, None
    for step in steps.split(";"):
        what, day, time, *until = step.split()
        at = moment_of(day, time)
        if what == "customer":
            talk_id = shop.write(now=at).conversation_id
            continue
        more = {"until": moment_of(*until)} if until else {}
        does[what](conversation_id=talk_id, now=at, **more)
    return Conversation.objects.get(pk=talk_id), at


def minutes_of(wait: FirstAnswer | None) -> tuple[float, float] | None:
    """By the clock and in working time, in minutes."""
    if wait is None or wait.working_seconds is None:
        return None
    return wait.clock_seconds / 60, wait.working_seconds / 60


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.why)
def test_first_answers_are_measured_as_a_person_counts_them(shop: Shop, row: Row) -> None:
    week = {day: [["09:00", "17:00"]] for day in DAYS}
    if row.nights:
        week |= {"sat": [["22:00", "24:00"]], "sun": [["00:00", "06:00"]]}
    calendar = BusinessCalendar.objects.create(name="Office", zone="Europe/Madrid", week=week)
    team = team_of(shop, "support", calendar_id=calendar.pk)
    talk, at = play(shop, row.steps)
    Conversation.objects.filter(pk=talk.pk).update(team=team)
    talk.refresh_from_db()
    found = first_answers(viewer=shop.world.actor("viewer"), conversation=talk, now=at)
    assert (minutes_of(found.agent), minutes_of(found.person)) == (row.agent, row.person)


@pytest.mark.slow
def test_page_and_api_tell_the_waits(shop: Shop, browser: Browser) -> None:  # noqa: F811
    talk, _ = play(
        shop,
        "customer 2026-11-23 10:00; agent 2026-11-23 10:01; customer 2026-11-23 10:05; hand-off 2026-11-23 10:06; "
        "person 2026-11-23 11:10",
    )
    client = browser("support")
    page = client.get(f"/admin/conversations/conversation/{talk.pk}/").content.decode()
    assert "First answer: agent after 1 min; person after 1 h 5 min." in page
    found = client.get(f"/api/v1/conversations/{talk.pk}/").json()["first_answers"]
    assert (found["agent"]["clock_seconds"], found["agent"]["working_seconds"]) == (60, 60)
    assert found["person"] == {
        "asked_at": "2026-11-23T09:05:00Z",
        "answered_at": "2026-11-23T10:10:00Z",
        "clock_seconds": 3900,
        "working_seconds": 3900,
    }


def test_only_who_may_view_conversations_sees_waits(shop: Shop) -> None:
    with pytest.raises(Refused):
        first_answers(viewer=Actor(kind="user", id=AGENT.id, name="x", role="none"), conversation=shop.conversation())


def test_a_broken_calendar_leaves_the_clock(shop: Shop) -> None:
    talk, _ = play(shop, "customer 2026-11-23 10:00; hand-off 2026-11-23 10:00; person 2026-11-23 10:30")
    calendar = BusinessCalendar.objects.create(name="Office", zone="Nowhere/Land", week={"mon": [["09:00", "17:00"]]})
    team = team_of(shop, "support")
    team.calendar, talk.team = calendar, team
    found = first_answers(viewer=shop.world.actor("viewer"), conversation=talk).person
    assert found is not None
    assert (found.clock_seconds, found.working_seconds) == (1800, None)


def waited(shop: Shop, minutes: float, *, until: datetime) -> None:
    """Let a customer have waited for a person until a moment."""
    talk = handed_off(shop, now=until - timedelta(minutes=minutes))
    services.reply(
        actor=shop.world.actor("support"),
        conversation_id=talk.pk,
        draft=Draft(text="Yes", sender=Sender(type="person")),
        now=until,
    )


@pytest.mark.slow
def test_customers_are_told_their_place_and_the_wait_only_if_it_is_known(shop: Shop) -> None:
    week = {day: [["09:00", "17:00"]] for day in DAYS}
    calendar = BusinessCalendar.objects.create(name="Office", zone="UTC", week=week)
    other = team_of(shop, "support", name="Other", is_default=False)
    team_of(shop, "support", calendar_id=calendar.pk)
    for minutes in (2, 3, 4):
        waited(shop, minutes, until=MONDAY - HOUR / 2)
    talks = [handed_off(shop, now=MONDAY + timedelta(minutes=number)) for number in range(4)]
    elsewhere = handed_off(shop, now=MONDAY - HOUR)
    Conversation.objects.filter(pk=elsewhere.pk).update(team=other)
    Conversation.objects.filter(pk=talks[3].pk).update(priority=Priority.HIGH)
    told = [say(talk) for talk in talks]
    assert ["ahead of yours" in one for one in told] == [True, True, True, False]
    assert "One conversation is ahead" in told[0], "the one of a higher priority; the other team's is not counted"
    assert "3 conversations are ahead" in told[2]
    assert "You're next." in told[3]
    assert not any("waited" in one for one in told), "three waits tell nothing"
    for minutes in (6.2, 90):
        waited(shop, minutes, until=MONDAY - HOUR / 4)
    talk = Conversation.objects.get(pk=talks[0].pk)
    assert expected_wait(talk, MONDAY) == timedelta(minutes=6.2), "three of four waited no longer"
    friday = MONDAY + timedelta(days=4)
    for at in (
        MONDAY.replace(hour=16, minute=56),  # they end before
        MONDAY.replace(hour=19),  # closed
        friday,  # long ago
    ):
        assert expected_wait(talk, at) is None, at
    Conversation.objects.filter(pk=talk.pk).update(priority=Priority.URGENT)
    assert say(talk).endswith("You're next. The recent wait was up to 7 minutes.")


def say(talk: Conversation) -> str:
    """Let the customer write, and read what they are told."""
    message = Message.objects.filter(conversation=talk, direction="in").latest("seq")
    Message.objects.filter(conversation=talk, sender_type="system").delete()
    assert services.answer_about_the_wait(actor=DESK, message_id=message.pk, now=MONDAY)
    return Message.objects.filter(conversation=talk, sender_type="system").latest("seq").body


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (0, "no more than a minute"),
        (1, "no more than a minute"),
        (1.1, "up to 2 minutes"),
        (10, "up to 10 minutes"),
        (10.1, "up to 15 minutes"),
        (55, "up to 55 minutes"),
        (56, "up to an hour"),
        (61, "up to 1½ hours"),
        (91, "up to 2 hours"),
        (240, "up to 4 hours"),
    ],
)
def test_waits_are_rounded_up(minutes: float, words: str) -> None:
    assert in_words(timedelta(minutes=minutes)) == words
