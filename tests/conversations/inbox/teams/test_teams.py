"""Teams: who is there, who is given what, what waits too long, and who was left behind."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from conversations import services
from conversations.inbox import assignment, states
from conversations.inbox.assignment import Person, Waiting, match
from conversations.inbox.teams import availability, teams
from conversations.inbox.teams.teams import Seat, Target, TeamSettings
from conversations.models import Availability, Conversation, Priority, Team, TeamMember
from conversations.services import Draft, Sender
from conversations.types import SenderIdentity
from core.actors import system
from core.errors import Conflict, Invalid, NotFound, Refused
from core.jobs import queues
from core.models import AuditEntry, StreamEvent
from core.tenancy.scope import tenant_scope
from hitl.models import BusinessCalendar
from tests.conversations.conftest import AGENT, Shop
from tests.conversations.messages.test_parallel import at_once, busy_shop  # noqa: F401
from tests.database.meanwhile import meanwhile

pytestmark = pytest.mark.django_db
DESK = system("desk")
State, Source = Availability.State, Availability.Source
MONDAY = datetime(2026, 11, 23, 10, tzinfo=UTC)
PEOPLE = ("support", "admin", "owner")


def team_of(shop: Shop, *people: str, capacity: int = 5, targets: Any = None, **settings: Any) -> Team:
    """Make a team of people by their roles; the first one leads it."""
    seats = [Seat(shop.world.people[one].pk, capacity, is_lead=number == 0) for number, one in enumerate(people)]
    wanted = TeamSettings(**{"name": "Desk", "is_default": True, **settings})
    return teams.create_team(actor=shop.world.actor("admin"), settings=wanted, seats=seats, targets=targets)


def go(shop: Shop, person: str, state: str = "online", **fields: Any) -> Availability:
    """Let somebody choose their availability."""
    return availability.set_availability(actor=shop.world.actor(person), state=state, **fields)


def handed_off(shop: Shop, visitor: str = "", **fields: Any) -> Conversation:
    """Let a visitor write, and the agent hand over."""
    sender = SenderIdentity(kind="webchat", value=visitor or uuid4().hex)
    talk = shop.conversation(sender=sender, **fields)
    return services.hand_off(actor=AGENT, conversation_id=talk.pk, reason="asked_for_person", **fields)


def assigned() -> Counter[UUID | None]:
    """How many conversations each person has."""
    return Counter(Conversation.objects.filter(state="person").values_list("assigned_to_id", flat=True))


@pytest.mark.slow
def test_conversations_go_in_turn_and_nobody_gets_more_than_fits(shop: Shop) -> None:
    team = team_of(shop, "support", "admin", capacity=2)
    for _ in range(5):
        handed_off(shop)
    assert assignment.assign_waiting(actor=DESK, team_id=team.pk) == 0, "nobody is there"
    assert assignment.list_teams_with_work() == []
    go(shop, "support")
    go(shop, "admin")
    assert assignment.list_teams_with_work() == [(shop.world.acme.pk, team.pk)]
    assert assignment.assign_waiting(actor=DESK, team_id=team.pk) == 4
    support, admin = (shop.world.people[one].pk for one in ("support", "admin"))
    assert assigned() == {support: 2, admin: 2, None: 1}
    assert assignment.assign_waiting(actor=DESK, team_id=team.pk) == 0
    done = Conversation.objects.filter(assigned_to_id=admin).earliest("created_at")
    services.close(actor=shop.world.actor("admin"), conversation_id=done.pk, resolved=True)
    assert assignment.assign_waiting(actor=DESK, team_id=team.pk) == 1
    assert assigned() == {support: 2, admin: 2}
    entry = AuditEntry.objects.filter(action="CONVERSATION_ASSIGNED").latest("id")
    assert entry.facts == {"user": str(admin), "why": "in_turn", "team": str(team.pk)}
    shown = StreamEvent.objects.filter(stream__startswith="conversation-staff:", type="conversation_assigned").last()
    assert shown is not None
    assert shown.payload["why"] == "in_turn"


@pytest.mark.slow
def test_urgent_ones_first_then_what_is_due_then_the_oldest(shop: Shop) -> None:
    targets = {Priority.NORMAL: Target(first_answer_minutes=30), Priority.HIGH: Target(first_answer_minutes=30)}
    team = team_of(shop, "support", capacity=1, targets=targets)
    talks = [handed_off(shop, now=MONDAY + timedelta(minutes=number)) for number in range(4)]
    Conversation.objects.filter(pk=talks[2].pk).update(priority=Priority.HIGH)
    Conversation.objects.filter(pk=talks[3].pk).update(next_due_at=MONDAY)
    go(shop, "support")
    order = []
    for _ in talks:
        assignment.assign_waiting(actor=DESK, team_id=team.pk)
        mine = Conversation.objects.get(state="person", assigned_to__isnull=False)
        order.append(mine.pk)
        services.close(actor=shop.world.actor("support"), conversation_id=mine.pk, resolved=True)
    assert order == [talks[2].pk, talks[3].pk, talks[0].pk, talks[1].pk]


@pytest.mark.slow
def test_the_last_person_comes_first_and_who_asked_for_another_does_not(shop: Shop) -> None:
    team = team_of(shop, *PEOPLE)
    for one in PEOPLE:
        go(shop, one)
    talk = handed_off(shop, "visitor-1")
    owner = shop.world.actor("owner")
    services.reply(actor=owner, conversation_id=talk.pk, draft=Draft(text="Hello", sender=Sender(type="person")))
    services.close(actor=owner, conversation_id=talk.pk, resolved=True)
    again = handed_off(shop, "visitor-1")
    assert again.assigned_to_id is None
    assignment.assign_waiting(actor=DESK, team_id=team.pk)
    assert Conversation.objects.get(pk=talk.pk).assigned_to_id == owner.user_id
    assert AuditEntry.objects.filter(action="CONVERSATION_ASSIGNED").latest("id").facts["why"] == "last_person"
    states.escalate(actor=owner, conversation_id=talk.pk, reason="needs_specialist")
    assignment.assign_waiting(actor=DESK, team_id=team.pk)
    assert Conversation.objects.get(pk=talk.pk).assigned_to_id not in (None, owner.user_id)


def test_match_is_even_in_turn_and_levels_loads() -> None:
    people = [Person(UUID(int=number), load=0, capacity=50, last_given_at=None) for number in range(1, 6)]
    waiting = [Waiting(uuid4()) for _ in range(103)]
    shares = Counter(person.user_id for _, person, _ in match(waiting, people, "round_robin", prefers_last=True))
    assert sorted(shares.values()) == [20, 20, 21, 21, 21]
    uneven = [Person(UUID(int=number), load=number, capacity=9, last_given_at=None) for number in range(3)]
    match(waiting[:6], uneven, "least_load", prefers_last=False)
    assert [person.load for person in uneven] == [3, 3, 3]
    full = [Person(UUID(int=1), load=3, capacity=3, last_given_at=None)]
    assert match(waiting, full, "round_robin", prefers_last=True) == []
    lead = [Person(UUID(int=1), load=0, capacity=3, last_given_at=MONDAY)]
    refused = [Waiting(UUID(int=9), not_for=UUID(int=1))]
    assert match(refused, lead, "round_robin", prefers_last=True) == []


def test_what_waits_too_long_goes_to_the_fallback_team(shop: Shop) -> None:
    second = team_of(shop, "owner", name="Second line", is_default=False)
    first = team_of(shop, "support", fallback_id=second.pk, fallback_minutes=10)
    talk = handed_off(shop, now=MONDAY)
    assert (talk.team_id, talk.team_since) == (first.pk, MONDAY)
    late = MONDAY + timedelta(minutes=10)
    assert assignment.list_overdue_in_team(now=late - timedelta(seconds=1)) == []
    assert assignment.list_overdue_in_team(now=late) == [(talk.tenant_id, talk.pk)]
    assert assignment.move_to_fallback(actor=DESK, conversation_id=talk.pk, now=late)
    assert not assignment.move_to_fallback(actor=DESK, conversation_id=talk.pk, now=late), "once"
    assert Conversation.objects.get(pk=talk.pk).team_id == second.pk
    entry = AuditEntry.objects.get(action="CONVERSATION_MOVED")
    assert entry.facts == {"team": str(second.pk), "why": "fallback"}


@pytest.mark.slow
def test_work_of_somebody_who_is_away_is_handed_back_after_minutes(shop: Shop) -> None:
    team = team_of(shop, "support", "owner", away_minutes=15)
    talk = handed_off(shop, now=MONDAY)
    go(shop, "support", now=MONDAY)
    assignment.assign_waiting(actor=DESK, team_id=team.pk, now=MONDAY)
    go(shop, "support", "away", reason="Lunch", now=MONDAY)
    after = MONDAY + timedelta(minutes=15)
    assert assignment.list_left_behind(now=after - timedelta(seconds=1)) == []
    assert assignment.list_left_behind(now=after) == [(talk.tenant_id, talk.pk)]
    assert assignment.hand_back(actor=DESK, conversation_id=talk.pk, now=after)
    assert not assignment.hand_back(actor=DESK, conversation_id=talk.pk, now=after)
    assert Conversation.objects.get(pk=talk.pk).needs_person
    go(shop, "owner", now=after)
    assert assignment.assign_waiting(actor=DESK, team_id=team.pk, now=after) == 1


def test_work_of_a_former_member_is_handed_back_at_once(shop: Shop) -> None:
    team = team_of(shop, "support", "owner")
    talk = handed_off(shop, now=MONDAY)
    go(shop, "support", now=MONDAY)
    assignment.assign_waiting(actor=DESK, team_id=team.pk, now=MONDAY)
    assert assignment.list_left_behind(now=MONDAY) == []
    shop.world.people["support"].memberships.filter(tenant_id=team.tenant_id).update(is_active=False)
    assert assignment.list_left_behind(now=MONDAY) == [(talk.tenant_id, talk.pk)]
    assert assignment.hand_back(actor=DESK, conversation_id=talk.pk, now=MONDAY)
    assert Conversation.objects.get(pk=talk.pk).needs_person


def test_pages_make_people_available_until_none_is_open(shop: Shop) -> None:
    team_of(shop, "support")
    support = shop.world.actor("support")
    services.note_open_page(actor=shop.world.actor("viewer"), now=MONDAY)
    services.note_open_page(actor=support, now=MONDAY)
    services.note_open_page(actor=support, now=MONDAY + timedelta(seconds=30))
    row = Availability.objects.get()
    assert (row.user_id, row.state, row.source, row.seen_at) == (support.user_id, "online", "page", MONDAY)
    seen = MONDAY + timedelta(minutes=1)
    services.note_open_page(actor=support, now=seen)
    gone = seen + timedelta(seconds=150)
    assert availability.list_gone(now=gone - timedelta(seconds=1)) == []
    assert availability.list_gone(now=gone) == [(row.tenant_id, support.user_id)]
    availability.end_silent(actor=DESK, user_id=row.user_id, now=gone)
    availability.end_silent(actor=DESK, user_id=row.user_id, now=gone)
    assert list(Availability.objects.order_by("since").values_list("state", "source", "until")) == [
        ("online", "page", gone),
        ("offline", "gone", None),
    ]
    services.note_open_page(actor=support, now=gone)
    go(shop, "support", "away", reason="Lunch", now=gone)
    services.note_open_page(actor=support, now=gone + timedelta(minutes=5))
    current = availability.current_availability(user_id=row.user_id)
    assert current is not None
    assert (current.state, current.reason) == ("away", "Lunch"), "what was chosen stays"


def test_a_former_member_leaves_teams_and_is_offline(shop: Shop) -> None:
    team = team_of(shop, "support", "owner")
    go(shop, "support")
    user_id = shop.world.people["support"].pk
    availability.leave_teams(actor=DESK, user_id=user_id)
    assert TeamMember.objects.filter(team=team).count() == 2, "still a member"
    shop.world.people["support"].memberships.filter(tenant_id=team.tenant_id).update(is_active=False)
    availability.leave_teams(actor=DESK, user_id=user_id)
    assert not TeamMember.objects.filter(user_id=user_id).exists()
    current = availability.current_availability(user_id=user_id)
    assert current is not None
    assert (current.state, current.source) == ("offline", "seat")


@pytest.mark.slow
def test_who_has_room_again_is_given_the_next_at_once(
    shop: Shop, django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[str] = []
    monkeypatch.setitem(queues._tasks, "assign_waiting", lambda *ids: woken.append(ids[1]))
    first = team_of(shop, "support", "admin", capacity=1)
    second = teams.create_team(
        actor=shop.world.actor("admin"), settings=TeamSettings("Other"), seats=[Seat(shop.world.people["owner"].pk)]
    )
    admin, support = shop.world.actor("admin"), shop.world.people["support"].pk
    steps: dict[str, tuple[Any, dict[str, Any], set[Team]]] = {
        "close": (services.close, {"resolved": True}, {first}),
        "give back": (states.give_back, {}, {first}),
        "assign": (states.assign, {"user_id": shop.world.people["admin"].pk}, {first}),
        "move": (services.move_to_team, {"team_id": second.pk}, {first, second}),
    }
    for name, (service, values, wanted) in steps.items():
        talk = handed_off(shop)
        states.assign(actor=admin, conversation_id=talk.pk, user_id=support)
        woken.clear()
        with django_capture_on_commit_callbacks(execute=True):
            service(actor=admin, conversation_id=talk.pk, **values)
        assert set(woken) == {str(team.pk) for team in wanted}, name
        assert len(woken) == len(wanted), name
        if name in ("give back", "assign", "move"):
            services.close(actor=admin, conversation_id=talk.pk, resolved=True)


@pytest.mark.slow
def test_a_full_person_is_asked_about_once_more_and_leads_may(shop: Shop) -> None:
    team_of(shop, "support", "owner", capacity=1)
    first, second = handed_off(shop), handed_off(shop)
    owner, support = shop.world.actor("owner"), shop.world.actor("support")
    states.assign(actor=support, conversation_id=first.pk, user_id=owner.user_id)
    with pytest.raises(Conflict) as full:
        states.assign(actor=support, conversation_id=second.pk, user_id=owner.user_id)
    assert (full.value.code, full.value.facts["load"]) == ("full", 1)
    states.assign(actor=support, conversation_id=second.pk, user_id=owner.user_id, even_if_full=True)
    assert assigned() == {owner.user_id: 2}


@pytest.mark.slow
def test_moving_to_another_team_is_for_leads_and_those_who_may(shop: Shop) -> None:
    other = team_of(shop, "owner", name="Other", is_default=False)
    team_of(shop, "admin", "support")
    talk = handed_off(shop)
    with pytest.raises(Refused):
        services.move_to_team(actor=shop.world.actor("support"), conversation_id=talk.pk, team_id=other.pk)
    states.assign(actor=shop.world.actor("admin"), conversation_id=talk.pk, user_id=shop.world.people["support"].pk)
    moved = services.move_to_team(actor=shop.world.actor("admin"), conversation_id=talk.pk, team_id=other.pk)
    assert (moved.team_id, moved.assigned_to_id) == (other.pk, None)
    with pytest.raises(Invalid, match="doesn't exist"):
        services.move_to_team(actor=shop.world.actor("admin"), conversation_id=talk.pk, team_id=uuid4())
    with tenant_scope(shop.world.globex.pk), pytest.raises(NotFound):
        services.move_to_team(actor=shop.world.actor("admin"), conversation_id=talk.pk, team_id=None)


@pytest.mark.slow
def test_answers_stop_the_clocks(shop: Shop) -> None:
    week = {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
    calendar = BusinessCalendar.objects.create(name="Office", zone="Europe/Madrid", week=week)
    targets = {Priority.NORMAL: Target(first_answer_minutes=60, resolution_minutes=600)}
    team_of(shop, "support", calendar_id=calendar.pk, targets=targets)
    at = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)  # Friday, 16:30 in Madrid
    talk = shop.conversation(now=at)
    assert talk.waiting_since == at
    services.hand_off(actor=AGENT, conversation_id=talk.pk, reason="asked_for_person", now=at)
    talk.refresh_from_db()
    # Half an hour is left on Friday, the other half is on Monday.
    assert talk.next_due_at == datetime(2026, 11, 23, 8, 30, tzinfo=UTC)
    shop.write("Anybody?", now=at + timedelta(minutes=5))
    answered = at + timedelta(minutes=20)
    support = shop.world.actor("support")
    services.reply(
        actor=support, conversation_id=talk.pk, draft=Draft(text="Yes", sender=Sender(type="person")), now=answered
    )
    talk.refresh_from_db()
    assert (talk.waiting_since, talk.first_answered_at, talk.first_person_answered_at) == (None, answered, answered)
    # Ten working hours after the hand-off: half an hour on Friday, eight on Monday, one and a half on Tuesday.
    assert talk.next_due_at == datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
    services.close(actor=support, conversation_id=talk.pk, resolved=True, now=answered)
    talk.refresh_from_db()
    assert talk.next_due_at is None
    back = answered + timedelta(hours=1)
    shop.write("One more thing", now=back)
    talk.refresh_from_db()
    assert (talk.waiting_since, talk.first_answered_at, talk.state) == (back, None, "agent"), "reopening starts anew"
    services.reply(actor=AGENT, conversation_id=talk.pk, draft=Draft(text="Sure"), now=back)
    talk.refresh_from_db()
    assert (talk.waiting_since, talk.first_answered_at, talk.first_person_answered_at) == (None, back, None)


@pytest.mark.parametrize(
    ("field", "settings"),
    [
        ("name", {"name": "  "}),
        ("policy", {"policy": "whoever"}),
        ("calendar", {"calendar_id": uuid4()}),
        ("fallback", {"fallback_id": uuid4()}),
        ("fallback_minutes", {"fallback_minutes": 0}),
        ("away_minutes", {"away_minutes": 10_000}),
    ],
)
def test_bad_settings_are_named(shop: Shop, field: str, settings: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as wrong:
        team_of(shop, **settings)
    assert list(wrong.value.facts["fields"]) == [field]
    assert not Team.objects.exists()


@pytest.mark.slow
def test_targets_people_and_circles_are_checked(shop: Shop) -> None:
    with pytest.raises(Invalid, match="can't answer"):
        team_of(shop, "viewer")
    for minutes in (0, 600_000):
        with pytest.raises(Invalid):
            team_of(shop, targets={Priority.LOW: Target(first_answer_minutes=minutes)})
    with pytest.raises(Invalid):
        team_of(shop, targets={9: Target(first_answer_minutes=5)})
    first = team_of(shop, "support", name="First")
    second = team_of(shop, "owner", name="Second", fallback_id=first.pk)
    assert [one.is_default for one in Team.objects.order_by("name")] == [False, True], "there is one default team"
    admin = shop.world.actor("admin")
    circle = TeamSettings(name="First", fallback_id=second.pk)
    with pytest.raises(Invalid, match="can't be saved") as wrong:
        teams.revise_team(actor=admin, team_id=first.pk, settings=circle, seats=[], targets={})
    assert "circle" in str(wrong.value.facts)
    with pytest.raises(Conflict) as taken:
        teams.revise_team(actor=admin, team_id=first.pk, settings=TeamSettings(name="Second"), seats=[], targets={})
    assert taken.value.code == "exists"
    with pytest.raises(Conflict) as used:
        teams.delete_team(actor=admin, team_id=first.pk)
    assert used.value.code == "in_use"
    teams.delete_team(actor=admin, team_id=second.pk)
    handed_off(shop)
    with pytest.raises(Refused):
        teams.delete_team(actor=shop.world.actor("support"), team_id=first.pk)
    teams.delete_team(actor=admin, team_id=first.pk)
    assert not Team.objects.exists()


def test_without_a_team_it_waits_for_whoever_takes_it(shop: Shop) -> None:
    talk = handed_off(shop)
    assert (talk.team_id, talk.next_due_at, talk.needs_person) == (None, None, True)
    assert assignment.list_teams_with_work() == []


@pytest.mark.slow
def test_twenty_workers_give_nothing_twice_and_nobody_more_than_fits(busy_shop: Shop) -> None:  # noqa: F811
    """Customers write, people take over and close at the same moments."""
    with tenant_scope(busy_shop.world.acme.pk):
        team = team_of(busy_shop, *PEOPLE, capacity=4)
        talks = [handed_off(busy_shop) for _ in range(16)]
        for one in PEOPLE:
            go(busy_shop, one)
        support = busy_shop.world.actor("support")

    def work(number: int) -> Any:
        if number % 5 == 1:
            return services.close(actor=support, conversation_id=talks[number % 4].pk, resolved=True)
        if number % 5 == 2:
            return states.take_over(actor=support, conversation_id=talks[15].pk)
        return assignment.assign_waiting(actor=DESK, team_id=team.pk)

    found = at_once(busy_shop, work)
    assert not [one for one in found if isinstance(one, Exception) and not isinstance(one, Conflict)]
    with tenant_scope(busy_shop.world.acme.pk):
        while assignment.assign_waiting(actor=DESK, team_id=team.pk):
            pass
        given = AuditEntry.objects.filter(action="CONVERSATION_ASSIGNED").values_list("object_id", flat=True)
        assert len(given) == len(set(given)), "nothing is given twice"
        held = Counter(Conversation.objects.filter(state="person").values_list("assigned_to_id", flat=True))
        # People may take more over; automatic gifts stop at the capacity.
        assert all(count <= 4 + (user_id == support.user_id) for user_id, count in held.items() if user_id)
        left = Conversation.objects.filter(state="person", assigned_to=None).count()
        assert left == 0 or sum(held[one] for one in held if one) >= 12


@pytest.mark.slow
def test_by_hand_and_automatically_at_once_nobody_gets_more_than_fits(busy_shop: Shop) -> None:  # noqa: F811
    shop, tenant = busy_shop, busy_shop.world.acme.pk
    with tenant_scope(tenant):
        admin, support = shop.world.actor("admin"), shop.world.actor("support")
        team = team_of(shop, "admin", "support", capacity=1)
        go(shop, "support")
        talks = [handed_off(shop).pk for _ in range(2)]
    assert support.user_id is not None
    mine = {"user_id": support.user_id}

    def by_hand(number: int) -> Any:
        return lambda: states.assign(actor=admin, conversation_id=talks[number], **mine)

    def take() -> Any:
        return states.take_over(actor=support, conversation_id=talks[0])

    def answer() -> Any:
        draft = Draft(text="Hello", sender=Sender(type="person"))
        return services.reply(actor=support, conversation_id=talks[0], draft=draft)

    def give() -> int:
        return assignment.assign_waiting(actor=DESK, team_id=team.pk)

    wrong = []
    for name, first, second in (
        ("given by hand", by_hand(0), give),
        ("taken", take, give),
        ("answered", answer, give),
        ("given automatically", give, by_hand(1)),
        ("given by hand twice", by_hand(0), by_hand(1)),
    ):
        with tenant_scope(tenant):
            Conversation.objects.update(assigned_to=None, state="person")
            Conversation.objects.filter(pk=talks[0]).update(priority=Priority.URGENT)
        done = meanwhile(tenant, first, second)
        with tenant_scope(tenant):
            load = assigned()[support.user_id]
        if load != 1 or (second is not give and getattr(done, "code", "") != "full"):
            wrong.append((name, load, done))
    assert wrong == []
    with tenant_scope(tenant):
        states.assign(actor=admin, conversation_id=talks[1], even_if_full=True, **mine)
        assert assigned()[support.user_id] == 2, "a lead who was asked and says so gives one more"
