"""People who move, change their hour and switch the brief on and off: each local date once, as saved that day."""

import random
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from accounts.services import actor_for_user
from analytics import services
from analytics.models import Brief
from analytics.schedule import DAY, Slot, slot_of
from core.actors import Actor
from tests.analytics.conftest import Morning, make
from tests.analytics.year import ZONES
from tests.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
STEP = timedelta(minutes=30)
TIMES = (time(7, 30), time(2, 30), time(0, 0), time(23, 59))


@dataclass(frozen=True)
class Wish:
    """What somebody had saved from one moment to another."""

    is_on: bool
    at: time
    zone: str
    begins: datetime
    ends: datetime

    def slots(self) -> list[Slot]:
        """Return the slots whose moment came while it was saved."""
        first = self.begins.astimezone(ZoneInfo(self.zone)).date() - DAY
        days = [first + n * DAY for n in range((self.ends - self.begins).days + 3)] if self.is_on else []
        slots = [slot_of(day, self.at, ZoneInfo(self.zone)) for day in days]
        return [slot for slot in slots if slot and self.begins < slot.moment <= self.ends]


class Reader:
    """One person, and all they ever saved."""

    def __init__(self, actor: Actor, zone: str, begin: datetime) -> None:
        self.actor, self.wishes = actor, [Wish(False, time(7, 30), zone, begin, begin)]
        self.save(True, time(7, 30), zone, begin)

    def save(self, is_on: bool, at: time, zone: str, moment: datetime) -> None:
        """Save it now."""
        last = self.wishes.pop()
        self.wishes += [replace(last, ends=moment), Wish(is_on, at, zone, moment, moment)]
        options: dict[str, Any] = {"sections": ["content"], "language": "en", "now": moment}
        services.set_preference(actor=self.actor, is_on=is_on, at=at, zone=zone, **options)

    def problem(self, end: datetime) -> str:
        """Return what is wrong with their briefs; empty for each wanted date once and none that nobody wanted."""
        rows = list(Brief.objects.filter(user_id=self.actor.user_id).values_list("local_date", "due_at"))
        dates = [day for day, _ in rows]
        wishes = [*self.wishes[:-1], replace(self.wishes[-1], ends=end)]
        wanted = [slot for wish in wishes for slot in wish.slots() if not _is_over(slot, rows)]
        missing = {slot.day for slot in wanted} - set(dates)
        strange = [day for day, due in rows if not any(_fits(wish, day, due) for wish in wishes)]
        twice = len(dates) - len(set(dates))
        return f"{wishes}: {missing=} {strange=} {twice=}" if missing or strange or twice else ""


def _is_over(slot: Slot, rows: list[tuple[date, datetime]]) -> bool:
    """Who moved back over midnight had a later date's brief already: dates never run backwards."""
    return any(day > slot.day and due <= slot.moment for day, due in rows)


def _fits(wish: Wish, day: date, due: datetime) -> bool:
    slot = slot_of(day, wish.at, ZoneInfo(wish.zone))
    return wish.is_on and slot is not None and slot.moment == due and due > wish.begins - timedelta(hours=6)


@pytest.mark.long
# Round both changes of clocks on either half of the earth.
@pytest.mark.parametrize("begin", [datetime(2026, 3, 5, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC)])
def test_everybody_who_moves_or_switches_gets_each_date_once(acme: World, begin: datetime) -> None:
    chance = random.Random(begin.month)
    actors = [actor_for_user(person) for person in acme.people.values()]
    readers = [Reader(actor, zone, begin) for actor, zone in zip(actors, ZONES, strict=True)]
    now = down_until = begin
    while now < begin + timedelta(days=32):
        now += STEP
        if now < down_until:
            continue
        for _ in range(2):
            services.claim_due(now=now)
        if chance.random() < 0.03:
            reader = chance.choice(readers)
            reader.save(chance.random() < 0.75, chance.choice(TIMES), chance.choice(ZONES), now)
        elif chance.random() < 0.01:
            down_until = now + timedelta(hours=chance.randrange(1, 6))
    for _ in range(2):
        services.claim_due(now=now)
    assert [problem for reader in readers if (problem := reader.problem(now))] == []
    assert {row.state for row in Brief.objects.all()} == {"queued"}


def test_brief_speaks_the_language_that_is_saved_when_it_is_made(morning: Morning) -> None:
    row = morning.wants(language="en")
    ((_, brief_id),) = services.claim_due()
    morning.wants(language="fr", now=None)
    make(brief_id)
    assert Brief.objects.get(user_id=row.user_id).content["language"] == "fr"
