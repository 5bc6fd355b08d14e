"""The events of figures."""

from typing import Final

from core.catalogue import EventType, Id, Shape, register

FIGURES: Final = "figures"
SAMPLED: Final = "figures.sampled"


class TeamWaits(Shape):
    """How many conversations wait in a team."""

    team: Id
    waiting: int


class Load(Shape):
    """How many conversations of a team an available person has, and how many they can have."""

    team: Id
    person: Id
    open: int
    capacity: int


class SampleShape(Shape):
    """What waited at a moment; `slot` counts the steps of five minutes since 1970."""

    slot: int
    waiting: int
    teams: list[TeamWaits]
    people: list[Load]


register(
    EventType(SAMPLED, "What waits and how busy people are was looked at, every five minutes.", SampleShape, FIGURES),
)
