"""Snooze, priority and due times: clocks stand still, go on, begin anew, and people hear of them once."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from accounts.models import Notice
from conversations import services
from conversations.inbox import assignment, clocks, snoozes, states
from conversations.inbox.teams import teams
from conversations.inbox.teams.teams import Seat, Target, TeamSettings
from conversations.models import Conversation, Priority, Team
from conversations.services import Draft, Sender
from conversations.types import SenderIdentity
from core.errors import Conflict, Invalid, Refused
from core.models import AuditEntry
from hitl.models import BusinessCalendar
from tests.conversations.conftest import AGENT, Shop
from tests.conversations.inbox.teams.test_teams import DESK, MONDAY, go, handed_off, team_of

pytestmark = pytest.mark.django_db
HALF_AN_HOUR = {Priority.NORMAL: Target(30, 240), Priority.URGENT: Target(5, 60)}


def minutes(number: float) -> datetime:
    """So many minutes after Monday morning."""
    return MONDAY + timedelta(minutes=number)


def fresh(talk: Conversation) -> Conversation:
    """The conversation as it is stored."""
    return Conversation.objects.get(pk=talk.pk)


def asked(shop: Shop) -> tuple[Team, Conversation]:
    """A team with targets, and a conversation that has waited in it since Monday morning."""
    team = team_of(shop, "support", targets=HALF_AN_HOUR)
    return team, handed_off(shop, "visitor-1", now=MONDAY)


def test_snoozed_conversation_is_given_to_nobody_and_its_clock_stands_still(shop: Shop) -> None:
    team, talk = asked(shop)
    support = shop.world.actor("support")
    services.snooze(actor=support, conversation_id=talk.pk, until=minutes(200), now=minutes(20))
    go(shop, "support")
    assert assignment.assign_waiting(actor=DESK, team_id=team.pk, now=minutes(60)) == 0
    row = fresh(talk)
    assert (row.next_due_at, row.snoozed_due_seconds, row.needs_person) == (None, 600, False)
    assert snoozes.list_nearly_due(now=minutes(100)) == assignment.list_overdue_in_team(now=minutes(100)) == []
    assert snoozes.list_rested(now=minutes(199)) == []
    snoozes.wake(actor=DESK, conversation_id=talk.pk, now=minutes(199))  # too early: a task that was sent twice
    assert fresh(talk).snoozed_until == minutes(200)
    assert snoozes.list_rested(now=minutes(200)) == [(talk.tenant_id, talk.pk)]
    for _ in range(2):
        snoozes.wake(actor=DESK, conversation_id=talk.pk, now=minutes(200))
    assert fresh(talk).next_due_at == minutes(210), "ten minutes were left"
    assert assignment.assign_waiting(actor=DESK, team_id=team.pk, now=minutes(200)) == 1
    actions = list(AuditEntry.objects.filter(action__startswith="CONVERSATION_").values_list("action", flat=True))
    assert [one for one in actions if one in ("CONVERSATION_SNOOZED", "CONVERSATION_WOKEN")] == [
        "CONVERSATION_SNOOZED",
        "CONVERSATION_WOKEN",
    ]


def test_message_ends_a_snooze_and_counts_from_itself(shop: Shop) -> None:
    team, talk = asked(shop)
    support = shop.world.actor("support")
    states.take_over(actor=support, conversation_id=talk.pk)
    services.snooze(actor=support, conversation_id=talk.pk, until=minutes(500), now=minutes(20))
    sender = talk.contact.points.get()
    for at in (100, 104):
        shop.write(f"At {at}", sender=sender_of(sender.value), now=minutes(at))
    assert snoozes.list_rested(now=minutes(105)) == [(talk.tenant_id, talk.pk)]
    snoozes.wake(actor=DESK, conversation_id=talk.pk, now=minutes(105))
    row = fresh(talk)
    assert (row.waiting_since, row.next_due_at, row.snoozed_until) == (minutes(100), minutes(130), None)
    assert Notice.objects.filter(person_id=support.user_id, kind="answer_due").count() == 1
    # What is closed, handed back or escalated doesn't rest.
    services.snooze(actor=support, conversation_id=talk.pk, until=minutes(900), now=minutes(110))
    states.escalate(actor=support, conversation_id=talk.pk, reason="legal", now=minutes(111))
    assert (fresh(talk).snoozed_until, fresh(talk).team_id) == (None, team.pk)
    services.snooze(actor=support, conversation_id=talk.pk, until=minutes(900), now=minutes(112))
    services.close(actor=support, conversation_id=talk.pk, resolved=True, now=minutes(113))
    assert (fresh(talk).snoozed_until, fresh(talk).snoozed_due_seconds, fresh(talk).next_due_at) == (None, None, None)


def sender_of(value: str) -> SenderIdentity:
    """The visitor of an address."""
    return SenderIdentity(kind="webchat", value=value)


def test_what_cannot_be_snoozed_is_refused_with_the_reason(shop: Shop) -> None:
    _, talk = asked(shop)
    support, admin, viewer = (shop.world.actor(one) for one in ("support", "admin", "viewer"))
    for until in (MONDAY, minutes(-1), MONDAY + timedelta(days=367)):
        with pytest.raises(Invalid) as problem:
            services.snooze(actor=support, conversation_id=talk.pk, until=until, now=MONDAY)
        assert list(problem.value.facts["fields"]) == ["until"]
    with pytest.raises(Refused):
        services.snooze(actor=viewer, conversation_id=talk.pk, until=minutes(9), now=MONDAY)
    states.take_over(actor=admin, conversation_id=talk.pk)
    other = shop.world.actor("approver")
    with pytest.raises(Refused):
        services.snooze(actor=other, conversation_id=talk.pk, until=minutes(9), now=MONDAY)
    states.give_back(actor=admin, conversation_id=talk.pk)
    with pytest.raises(Conflict) as conflict:
        services.snooze(actor=admin, conversation_id=talk.pk, until=minutes(9), now=MONDAY)
    assert conflict.value.code == "agent_has_it"
    with pytest.raises(Invalid):
        services.set_priority(actor=admin, conversation_id=talk.pk, priority=5)


def test_priority_counts_the_due_time_anew_also_while_it_rests(shop: Shop) -> None:
    _, talk = asked(shop)
    support = shop.world.actor("support")
    assert fresh(talk).next_due_at == minutes(30)
    services.set_priority(actor=support, conversation_id=talk.pk, priority=Priority.URGENT, now=minutes(2))
    assert fresh(talk).next_due_at == minutes(5)
    services.set_priority(actor=support, conversation_id=talk.pk, priority=Priority.LOW, now=minutes(2))
    assert fresh(talk).next_due_at is None, "no target"
    services.snooze(actor=support, conversation_id=talk.pk, until=minutes(60), now=minutes(3))
    services.set_priority(actor=support, conversation_id=talk.pk, priority=Priority.NORMAL, now=minutes(20))
    snoozes.wake(actor=support, conversation_id=talk.pk, now=minutes(40))
    assert fresh(talk).next_due_at == minutes(67), "27 of 30 minutes were left at minute 3"
    facts = AuditEntry.objects.filter(action="CONVERSATION_PRIORITISED").latest("id").facts
    assert facts == {"old": "low", "new": "normal"}


def test_people_hear_once_of_what_is_due_soon_and_of_what_is_late(shop: Shop) -> None:
    team = team_of(shop, "support", "admin", targets=HALF_AN_HOUR, warning_minutes=12)
    talk = handed_off(shop, "visitor-1", now=MONDAY)
    support, admin = (shop.world.people[one].pk for one in ("support", "admin"))

    def told(at: float) -> tuple[str, int, int]:
        done = snoozes.note_due(actor=DESK, conversation_id=talk.pk, now=minutes(at))
        due = Notice.objects.filter(kind="answer_due")
        return done, due.filter(person_id=support).count(), due.filter(person_id=admin).count()

    assert snoozes.list_nearly_due(now=minutes(17)) == []
    assert told(17) == ("", 0, 0)
    assert snoozes.list_nearly_due(now=minutes(18)) == [(talk.tenant_id, talk.pk)]
    assert told(18) == ("warned", 1, 1), "while nobody has it, the whole team"
    assert told(21) == ("", 1, 1)
    states.assign(actor=shop.world.actor("admin"), conversation_id=talk.pk, user_id=admin)
    assert told(30) == ("missed", 2, 2), "who has it, and the lead"
    assert told(31) == ("", 2, 2)
    services.reply(
        actor=shop.world.actor("admin"),
        conversation_id=talk.pk,
        draft=Draft(text="Hi", sender=Sender(type="person")),
        now=minutes(35),
    )
    assert fresh(talk).next_due_at == minutes(240), "resolved four hours after the hand-off"
    assert snoozes.list_nearly_due(now=minutes(227)) == []
    assert told(228) == ("warned", 2, 3)
    assert told(300) == ("missed", 3, 4)
    assert [
        *AuditEntry.objects.filter(action="CONVERSATION_LATE").order_by("id").values_list("facts__what", flat=True)
    ] == [
        "answered",
        "resolved",
    ]
    assert team.warning_minutes == 12


BERLIN = ZoneInfo("Europe/Berlin")
# Working hours Monday to Friday, 9:00 to 17:00 in Berlin; 60 minutes to answer. Hand-off, snoozed at, woken at, due.
TABLE = [
    ("on a Monday", "2026-11-23 10:00", "", "", "2026-11-23 11:00"),
    ("over an evening", "2026-11-23 16:30", "", "", "2026-11-24 09:30"),
    ("over a weekend", "2026-11-27 16:45", "", "", "2026-11-30 09:45"),
    ("on a Sunday", "2026-11-29 12:00", "", "", "2026-11-30 10:00"),
    ("clocks go forward", "2026-03-27 16:30", "", "", "2026-03-30 09:30"),
    ("clocks go back", "2026-10-23 16:30", "", "", "2026-10-26 09:30"),
    ("snoozed over a weekend", "2026-11-27 16:30", "2026-11-27 16:50", "2026-11-30 12:00", "2026-11-30 12:40"),
    ("snoozed when it was late", "2026-11-23 10:00", "2026-11-23 11:30", "2026-11-24 10:00", "2026-11-24 09:30"),
]


@pytest.mark.parametrize(("case", "began", "snoozed", "woken", "due"), TABLE, ids=[row[0] for row in TABLE])
def test_due_times_in_working_hours(shop: Shop, case: str, began: str, snoozed: str, woken: str, due: str) -> None:
    week = {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
    calendar = BusinessCalendar.objects.create(name="Office", zone="Europe/Berlin", week=week)
    team_of(shop, "support", calendar_id=calendar.pk, targets={Priority.NORMAL: Target(60)})

    def at(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(UTC)

    talk = handed_off(shop, now=at(began))
    if snoozed:
        support = shop.world.actor("support")
        services.snooze(actor=support, conversation_id=talk.pk, until=at(woken), now=at(snoozed))
        snoozes.wake(actor=DESK, conversation_id=talk.pk, now=at(woken))
    assert fresh(talk).next_due_at == at(due), case


def test_priority_after_an_agents_answer_counts_from_when_a_person_was_asked_for(shop: Shop) -> None:
    team_of(shop, "support", targets=HALF_AN_HOUR)
    support = shop.world.actor("support")
    shop.write("Hello", now=minutes(0))
    talk = Conversation.objects.get()
    services.reply(
        actor=AGENT, conversation_id=talk.pk, draft=Draft(text="I'm bringing in a colleague."), now=minutes(2)
    )
    services.hand_off(actor=AGENT, conversation_id=talk.pk, reason="asked_for_person", now=minutes(2))
    assert fresh(talk).next_due_at == minutes(32)

    def due_by(priority: Priority, at: float) -> datetime | None:
        services.set_priority(actor=support, conversation_id=talk.pk, priority=priority, now=minutes(at))
        return fresh(talk).next_due_at

    assert (due_by(Priority.URGENT, 4), due_by(Priority.NORMAL, 10)) == (minutes(7), minutes(32))
    shop.write("Anybody there?", now=minutes(12))
    assert (due_by(Priority.URGENT, 13), due_by(Priority.NORMAL, 14)) == (minutes(7), minutes(32))
    services.snooze(actor=support, conversation_id=talk.pk, until=minutes(100), now=minutes(20))
    snoozes.wake(actor=DESK, conversation_id=talk.pk, now=minutes(100))
    assert fresh(talk).next_due_at == minutes(112)
    assert (due_by(Priority.URGENT, 101), due_by(Priority.NORMAL, 102)) == (minutes(87), minutes(112))


@pytest.mark.slow
def test_priority_after_a_second_hand_off_counts_from_that_hand_off_until_a_person_answers(shop: Shop) -> None:
    team_of(shop, "support", targets=HALF_AN_HOUR)
    other = teams.create_team(
        actor=shop.world.actor("admin"),
        settings=TeamSettings("Other"),
        seats=[Seat(shop.world.people["support"].pk)],
        targets=HALF_AN_HOUR,
    )
    talk = handed_off(shop, "visitor-1", now=minutes(0))
    support, admin = shop.world.actor("support"), shop.world.actor("admin")

    def answer(at: float) -> None:
        services.reply(
            actor=support,
            conversation_id=talk.pk,
            draft=Draft(text="Hi", sender=Sender(type="person")),
            now=minutes(at),
        )

    answer(10)
    states.give_back(actor=support, conversation_id=talk.pk)
    shop.write("And the other one?", sender=SenderIdentity(kind="webchat", value="visitor-1"), now=minutes(58))
    services.reply(
        actor=AGENT, conversation_id=talk.pk, draft=Draft(text="I'm bringing in a colleague."), now=minutes(59)
    )
    services.hand_off(actor=AGENT, conversation_id=talk.pk, reason="asked_for_person", now=minutes(60))
    assert fresh(talk).next_due_at == minutes(90)
    assert clocks.waits_for_person(fresh(talk))
    due = []
    for priority, at in ((Priority.URGENT, 61), (Priority.NORMAL, 70)):
        services.set_priority(actor=support, conversation_id=talk.pk, priority=priority, now=minutes(at))
        due.append(fresh(talk).next_due_at)
    services.move_to_team(actor=admin, conversation_id=talk.pk, team_id=other.pk, now=minutes(80))
    due.append(fresh(talk).next_due_at)
    assert due == [minutes(65), minutes(90), minutes(90)]
    answer(85)
    assert not clocks.waits_for_person(fresh(talk))
    services.set_priority(actor=support, conversation_id=talk.pk, priority=Priority.URGENT, now=minutes(86))
    services.set_priority(actor=support, conversation_id=talk.pk, priority=Priority.NORMAL, now=minutes(87))
    assert fresh(talk).next_due_at == minutes(60 + 240), "resolved four hours after the hand-off"


@pytest.mark.slow
def test_snoozed_conversations_are_no_work_of_their_person(shop: Shop) -> None:
    team = team_of(shop, "support", capacity=1)
    go(shop, "support")
    first, second = (handed_off(shop, f"visitor-{one}", now=minutes(one)) for one in (1, 2))
    assert assignment.assign_waiting(actor=DESK, team_id=team.pk, now=minutes(3)) == 1
    support = shop.world.actor("support")
    services.snooze(actor=support, conversation_id=first.pk, until=minutes(200), now=minutes(4))
    assert team.open_loads() == {}
    assert assignment.assign_waiting(actor=DESK, team_id=team.pk, now=minutes(5)) == 1
    assert fresh(second).assigned_to_id == support.user_id
    snoozes.wake(actor=support, conversation_id=first.pk, now=minutes(6))
    assert team.open_loads() == {support.user_id: 2}
