"""Whatever happens in a team, conversations and loads are those of a plain model of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from conversations import services
from conversations.contacts.contacts import point_index
from conversations.inbox import assignment, snoozes, states
from conversations.inbox.teams import availability, teams
from conversations.inbox.teams.teams import Seat, TeamSettings
from conversations.models import Conversation, Team
from conversations.types import SenderIdentity
from core.actors import Actor, system
from core.clock import now
from tests.conversations.conftest import AGENT, Shop

pytestmark = pytest.mark.slow

DESK = system("desk")
PEOPLE = ("support", "admin", "owner")
VISITORS = range(6)
who = st.sampled_from(PEOPLE)
visitor = st.sampled_from(VISITORS)


@dataclass
class Talk:
    """A conversation of the model: who answers, and whom it isn't for."""

    state: str
    person: str = ""
    not_for: str = ""
    snoozed: bool = False

    @property
    def waits(self) -> bool:
        """Whether the team has to find somebody."""
        return self.state == "person" and not self.person and not self.snoozed


class DeskMachine(RuleBasedStateMachine):
    """One team of three people, and six visitors."""

    shop: ClassVar[Shop]
    seen: ClassVar[Counter[str]]

    @initialize(capacity=st.integers(1, 3), there=st.sets(who))
    def begin(self, capacity: int, there: set[str]) -> None:
        self.block = transaction.atomic()
        self.block.__enter__()
        self.talks: dict[int, Talk] = {}
        self.in_team: set[int] = set()  # what never needed the team fills nobody's places in it
        self.capacity = dict.fromkeys(PEOPLE, capacity)
        self.online: set[str] = set()
        self.team = self.make_team()
        for person in sorted(there):
            self.say_availability(person, "online")
        for number in range(4):
            self.arrive(number)
            self.hand_off(number)

    def teardown(self) -> None:
        if hasattr(self, "block"):
            transaction.set_rollback(True)
            self.block.__exit__(None, None, None)

    # ---- what happens

    @rule(number=visitor)
    def arrive(self, number: int) -> None:
        before = self.talks.get(number)
        self.shop.write(sender=SenderIdentity(kind="webchat", value=f"visitor-{number}"))
        if before is None:
            self.talks[number] = Talk("agent")
        elif before.state == "closed":
            self.talks[number] = Talk("agent")
            self.note("reopened")
        elif before.snoozed:
            snoozes.wake(actor=DESK, conversation_id=self.row(number).pk)  # as the sweep does
            before.snoozed = False

    @rule(number=visitor)
    def hand_off(self, number: int) -> None:
        if (talk := self.open(number)) and talk.state == "agent":
            services.hand_off(actor=AGENT, conversation_id=self.row(number).pk, reason="asked_for_person")
            self.talks[number] = Talk("person")
            self.in_team.add(number)
            self.note("handed off")

    @rule(person=who, state=st.sampled_from(["online", "online", "away", "offline"]))
    def say_availability(self, person: str, state: str) -> None:
        availability.set_availability(actor=self.actor(person), state=state)
        (self.online.add if state == "online" else self.online.discard)(person)

    @rule(person=who, most=st.integers(1, 3))
    def change_capacity(self, person: str, most: int) -> None:
        self.capacity[person] = most
        wanted = {"settings": self.wanted(), "seats": self.seats(), "targets": {}}
        teams.revise_team(actor=self.actor("owner"), team_id=self.team.pk, **wanted)  # type: ignore[arg-type]

    @rule()
    def take_turn(self) -> None:
        waiting = {number for number, talk in self.talks.items() if talk.waits}
        given = assignment.assign_waiting(actor=DESK, team_id=self.team.pk)
        names = {self.actor(person).user_id: person for person in PEOPLE}
        for number in waiting:
            if user := self.row(number).assigned_to_id:
                self.talks[number].person = names[user]
                assert names[user] in self.online
                assert names[user] != self.talks[number].not_for
                assert self.load(names[user]) <= self.capacity[names[user]]
                self.note("assigned")
        left = [self.talks[number] for number in waiting if not self.talks[number].person]
        assert given == len(waiting) - len(left)
        for talk in left:
            free = [one for one in self.online if self.load(one) < self.capacity[one] and one != talk.not_for]
            assert free == [], "somebody is free"
        if left and self.online:
            self.note("nobody free")

    @rule()
    def crash_in_a_turn(self) -> None:
        with transaction.atomic():
            assignment.assign_waiting(actor=DESK, team_id=self.team.pk)
            transaction.set_rollback(True)

    @rule(number=visitor, person=who)
    def take_over(self, number: int, person: str) -> None:
        if (talk := self.open(number)) and not talk.person:
            states.take_over(actor=self.actor(person), conversation_id=self.row(number).pk)
            talk.state, talk.person, talk.snoozed = "person", person, False

    @rule(number=visitor, person=who)
    def assign(self, number: int, person: str) -> None:
        if (talk := self.open(number)) and talk.person != person:
            states.assign(
                actor=self.actor("owner"),
                conversation_id=self.row(number).pk,
                user_id=self.actor(person).user_id,  # type: ignore[arg-type]
                even_if_full=True,
            )
            talk.state, talk.person = "person", person

    @rule(number=visitor)
    def escalate(self, number: int) -> None:
        if (talk := self.open(number)) and talk.person:
            states.escalate(actor=self.actor(talk.person), conversation_id=self.row(number).pk, reason="complaint")
            self.talks[number] = Talk("person", not_for=talk.person)
            self.in_team.add(number)
            self.note("escalated")

    @rule(number=visitor)
    def give_back(self, number: int) -> None:
        if (talk := self.open(number)) and talk.person:
            states.give_back(actor=self.actor(talk.person), conversation_id=self.row(number).pk)
            self.talks[number] = Talk("agent")

    @rule(number=visitor)
    def snooze(self, number: int) -> None:
        if (talk := self.open(number)) and talk.person:
            until = now().replace(year=now().year + 1, month=1, day=1)
            services.snooze(actor=self.actor("owner"), conversation_id=self.row(number).pk, until=until)
            talk.snoozed = True
            self.note("snoozed")

    @rule(number=visitor)
    def wake(self, number: int) -> None:
        if (talk := self.open(number)) and talk.snoozed:
            snoozes.wake(actor=self.actor("owner"), conversation_id=self.row(number).pk)
            talk.snoozed = False

    @rule(number=visitor)
    def close(self, number: int) -> None:
        if self.open(number):
            services.close(actor=self.actor("owner"), conversation_id=self.row(number).pk, resolved=True)
            self.talks[number] = Talk("closed")

    # ---- what holds

    @precondition(lambda self: hasattr(self, "talks"))
    @invariant()
    def rows_are_those_of_the_model(self) -> None:
        for number, talk in self.talks.items():
            row = self.row(number)
            person = self.actor(talk.person).user_id if talk.person else None
            assigned = row.assigned_to_id if talk.state == "person" else None
            assert (row.state, assigned, row.snoozed_until is not None) == (talk.state, person, talk.snoozed), number

    # ---- small

    def note(self, what: str) -> None:
        """Count what was reached."""
        self.seen[what] += 1

    def open(self, number: int) -> Talk | None:
        """Return a conversation of the model that isn't closed."""
        talk = self.talks.get(number)
        return talk if talk and talk.state != "closed" else None

    def load(self, person: str) -> int:
        """Return how many of the team's conversations a person has; those that rest are no work."""
        return sum(self.talks[number].person == person and not self.talks[number].snoozed for number in self.in_team)

    def actor(self, person: str) -> Actor:
        """Return a person."""
        return self.shop.world.actor(person)

    def row(self, number: int) -> Conversation:
        """Return the newest conversation of a visitor."""
        index = point_index("webchat", f"visitor-{number}")
        return Conversation.objects.filter(contact__points__value_index=index).latest("created_at")

    def wanted(self) -> TeamSettings:
        """Return the team's settings."""
        return TeamSettings(name="Desk", is_default=True, prefers_last_person=False)

    def seats(self) -> list[Seat]:
        """Return the team's people."""
        return [Seat(self.shop.world.people[one].pk, self.capacity[one], is_lead=one == "owner") for one in PEOPLE]

    def make_team(self) -> Team:
        """Make the team."""
        return teams.create_team(actor=self.actor("owner"), settings=self.wanted(), seats=self.seats())


def play(shop: Shop, number: int, examples: int, steps: int) -> Counter[str]:
    """Play examples, the same ones for the same number, and return what was reached."""
    machine = type("Desk", (DeskMachine,), {"shop": shop, "seen": Counter(), "__module__": __name__})
    quick = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=(Phase.generate,),  # an example is short enough to be read as it is
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(seed(number)(machine), settings=quick)
    found: Counter[str] = machine.seen  # type: ignore[attr-defined]
    return found


REACHED = {"handed off", "assigned", "nobody free", "escalated", "snoozed", "reopened"}


@pytest.mark.django_db
def test_desk_is_its_model_whatever_happens(shop: Shop) -> None:
    assert set(play(shop, 17, 14, 20)) >= {"handed off", "assigned"}


@pytest.mark.long
@pytest.mark.django_db
def test_desk_is_its_model_for_long(shop: Shop) -> None:
    # Which of them one part reaches is chance.
    seen = {name for part in range(4) for name in play(shop, 1700 + part, 60, 50)}
    assert seen >= REACHED
