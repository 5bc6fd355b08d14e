"""Hundreds of trials in processes: nothing is given twice, nobody gets too much, nothing waits beside the free."""

from __future__ import annotations

import os
import random
from collections import Counter
from dataclasses import dataclass
from uuid import UUID

import pytest

from conversations.inbox import assignment
from conversations.inbox.teams import teams
from conversations.inbox.teams.teams import Seat, TeamSettings
from conversations.models import Availability, Contact, Conversation, Team
from core.actors import system
from core.clock import now
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from tests.conversations.conftest import Shop, make_shop
from tests.conversations.inbox.claim_process import Step, Workers, workers
from tests.world import World

TRIALS = int(os.environ.get("WALKER_CLAIM_TRIALS", "200"))
WORKERS = 4
PEOPLE = 4
pytestmark = [pytest.mark.long, pytest.mark.django_db(transaction=True)]


@dataclass
class Trial:
    """One team, its people's capacities, and what waits in it."""

    team: Team
    rooms: dict[UUID, int]
    waiting: list[UUID]


@pytest.fixture
def floor(committed_world: World) -> tuple[Shop, list[UUID]]:
    """A shop, and people who answer and are there."""
    people = [committed_world.another("support")[0].pk for _ in range(PEOPLE)]
    with tenant_scope(committed_world.acme.pk):
        for person in people:
            Availability.objects.create(user_id=person, state="online", source="hand", seen_at=now())
        return make_shop(committed_world), people


def begin(shop: Shop, people: list[UUID], chance: random.Random, number: int) -> Trial:
    """Make a team with random room, and let a random number of customers wait."""
    rooms = {person: chance.randint(1, 3) for person in people}
    policy = chance.choice(["round_robin", "least_load"])
    team = teams.create_team(
        actor=shop.world.actor("admin"),
        settings=TeamSettings(name=f"Team {number}", policy=policy),
        seats=[Seat(person, room) for person, room in rooms.items()],
    )
    contact = Contact.objects.first() or shop.conversation().contact
    rows = [
        Conversation(
            contact=contact, channel_account=shop.chat, thread=f"t{number}-{each}", state="person", team=team,
            team_since=now(), escalated_at=now(), priority=chance.randint(1, 4),
        )
        for each in range(chance.randint(3, 10))
    ]  # fmt: skip
    Conversation.objects.bulk_create(rows)
    return Trial(team, rooms, [row.pk for row in rows])


def given(trial: Trial) -> Counter[UUID]:
    """Return how often each conversation was given or taken, by the audit log."""
    entries = AuditEntry.objects.filter(
        object_id__in=trial.waiting, action__in=["CONVERSATION_ASSIGNED", "CONVERSATION_TAKEN_OVER"]
    )
    return Counter(entries.values_list("object_id", flat=True))


def sweep(trial: Trial) -> None:
    """Do what the sweep does until there is nothing to do: a hint may have found a row locked."""
    while assignment.assign_waiting(actor=system("desk"), team_id=trial.team.pk):
        pass


def nothing_waits_beside_the_free(trial: Trial) -> bool:
    loads = trial.team.open_loads()
    is_free = any(loads.get(person, 0) < room for person, room in trial.rooms.items())
    waits = Conversation.objects.filter(pk__in=trial.waiting, state="person", assigned_to=None).exists()
    return not (waits and is_free)


def test_queue_given_out_by_several_workers_is_given_once_and_to_whom_has_room(floor: tuple[Shop, list[UUID]]) -> None:
    shop, people = floor
    handed = []
    with tenant_scope(shop.world.acme.pk), workers(WORKERS) as all_of_them:
        for number in range(TRIALS):
            trial = begin(shop, people, random.Random(number), number)
            step: Step = ("assign", str(trial.team.pk), "")
            handed.append(all_of_them.work(shop.world.acme.pk, [[step, step, step]] * WORKERS))
            sweep(trial)
            loads = trial.team.open_loads()
            assert all(loads.get(person, 0) <= room for person, room in trial.rooms.items()), (number, loads)
            assert set(given(trial).values()) <= {1}, number
            assert sum(loads.values()) == len(given(trial)) == min(len(trial.waiting), sum(trial.rooms.values()))
            assert nothing_waits_beside_the_free(trial), number
    # It would prove nothing if one of them had always done it all.
    assert any(sum(count > 0 for count in row) > 1 for row in handed)


def test_giving_taking_and_closing_at_once_leave_each_conversation_with_one_person_or_closed(
    floor: tuple[Shop, list[UUID]],
) -> None:
    shop, people = floor
    outcomes: Counter[str] = Counter()
    with tenant_scope(shop.world.acme.pk), workers(WORKERS) as all_of_them:
        for number in range(TRIALS):
            outcomes += one_mixed_trial(shop, people, all_of_them, number)
    assert min(outcomes[name] for name in ("given", "taken", "closed")) > 0, outcomes


def one_mixed_trial(shop: Shop, people: list[UUID], all_of_them: Workers, number: int) -> Counter[str]:
    chance = random.Random(1000 + number)
    trial = begin(shop, people, chance, number)
    assign: Step = ("assign", str(trial.team.pk), "")
    by_hand: list[list[Step]] = [
        [(what, str(chance.choice(people)), str(chance.choice(trial.waiting))) for _ in range(4)]
        for what in ("take", "close")
    ]
    all_of_them.work(shop.world.acme.pk, [[assign] * 3, [assign] * 3, *by_hand])
    sweep(trial)
    actions = AuditEntry.objects.filter(object_id__in=trial.waiting).order_by("seq")
    taken: Counter[UUID] = Counter()
    holders: dict[UUID, list[UUID]] = {}
    closed: Counter[UUID] = Counter()
    for action, key, facts, person in actions.values_list("action", "object_id", "facts", "actor_user_id"):
        if action == "CONVERSATION_ASSIGNED":
            holders.setdefault(key, []).append(UUID(facts["user"]))
            assert not closed[key], (number, "given after it was closed")
        elif action == "CONVERSATION_TAKEN_OVER":
            holders.setdefault(key, []).append(person)
            taken[person] += 1
            assert not closed[key], (number, "taken after it was closed")
        elif action == "CONVERSATION_CLOSED":
            closed[key] += 1
    assert all(len(who) == 1 for who in holders.values()), (number, "two people had it")
    assert all(count == 1 for count in closed.values()), (number, "closed twice")
    for row in Conversation.objects.filter(pk__in=trial.waiting):
        assert (row.state == "closed") == bool(closed[row.pk]), number
        assert [row.assigned_to_id] == holders.get(row.pk, [None]), number
    loads = trial.team.open_loads()
    # Who takes one by hand may have more than their room; nobody is given more.
    assert all(loads.get(one, 0) - taken[one] <= room for one, room in trial.rooms.items()), (number, loads, taken)
    assert nothing_waits_beside_the_free(trial), number
    return Counter(given=len(holders) - taken.total(), taken=taken.total(), closed=closed.total())
