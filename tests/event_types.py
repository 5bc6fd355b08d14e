"""Events that only tests append."""

from typing import ClassVar, Final

from pydantic import ConfigDict

from core.catalogue import EventType, Id, Shape, register

KINDS: Final = ("queue", "inbox", "other", "first", "second", "a", "b", "c", "conversation", "conversation-staff")


class Anything(Shape):
    """Whatever a test says."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow")


class Counted(Shape):
    """A number, and perhaps whom it is about."""

    n: int
    about: Id | None = None


NAMES: Final = ("test", "tried", "x", "it's", "a", "b", "c", "d", "new")
OWNED: Final = "test.counted"
OTHER: Final = "test.other"


def register_test_events() -> None:
    """Register them; safe to repeat."""
    told = dict.fromkeys(KINDS, Anything)
    register(*(EventType(name, "A test tells something.", Anything, told=told) for name in NAMES))
    register(
        EventType(OWNED, "A test counted.", Counted, owner="test", told={"other": Counted}),
        EventType(OTHER, "A test counted something else.", Counted, owner="test", version=2),
    )
