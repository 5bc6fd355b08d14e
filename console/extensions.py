"""Registries through which apps extend the console: badges, banners, steps of the set-up, and the dashboard."""

from abc import ABC, abstractmethod
from dataclasses import KW_ONLY, dataclass
from datetime import datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from django.core.cache import cache

from core.actors import Actor
from core.registry import Registry

BADGE_SECONDS: Final = 5
SET_UP_SECONDS: Final = 3600


class Badge(ABC):
    """A count beside a navigation link, such as approvals waiting for the viewer."""

    label: ClassVar[str]
    tone: ClassVar[str] = "neutral"
    permission: ClassVar[str]

    @abstractmethod
    def count(self, viewer: Actor) -> int:
        """Return the number to show; 0 shows nothing."""


badges: Registry[Badge] = Registry(Badge, name="badge")  # type: ignore[type-abstract]


def count_badges(viewer: Actor, tenant_id: UUID, keys: tuple[str, ...], *, fresh: bool = False) -> dict[str, int]:
    """Return the counts the viewer may see, cached for a few seconds per person unless `fresh`."""
    names = {_cache_key(viewer, tenant_id, key): key for key in keys if viewer.may(badges.get(key).permission)}
    cached: dict[str, int] = {} if fresh else cache.get_many(names)
    missing = {name: badges.get(key)().count(viewer) for name, key in names.items() if name not in cached}
    if missing:
        cache.set_many(missing, timeout=BADGE_SECONDS)
    return {names[name]: number for name, number in {**cached, **missing}.items()}


def clear_badges(viewer: Actor, tenant_id: UUID) -> None:
    """Drop the viewer's cached counts: their last action may have changed them."""
    cache.delete_many([_cache_key(viewer, tenant_id, key) for key in badges.keys()])  # noqa: SIM118  (no dict)


def _cache_key(viewer: Actor, tenant_id: UUID, key: str) -> str:
    return f"{tenant_id}:console-badge:{viewer.user_id}:{key}"


@dataclass(frozen=True, slots=True)
class Notice:
    """The text and link of one banner."""

    title: str
    text: str
    url: str = ""
    _: KW_ONLY  # a label and a tone are both words, and easily mistaken for one another
    leads: str = "View"
    tone: str = "danger"
    icon: str = "pause"


class Banner(ABC):
    """A source of notices above the dashboard and the queue, for what everyone at work must know now."""

    permission: ClassVar[str]
    only_on_dashboard: ClassVar[bool] = False

    @abstractmethod
    def notices(self, viewer: Actor) -> list[Notice]:
        """Return the notices to show now; usually none."""


banners: Registry[Banner] = Registry(Banner, name="banner")  # type: ignore[type-abstract]


def list_notices(viewer: Actor, *, on_dashboard: bool = False) -> list[Notice]:
    """Return the notices of all banners the viewer may see."""
    kinds = [kind for _, kind in banners.items() if viewer.may(kind.permission)]
    kinds = [kind for kind in kinds if on_dashboard or not kind.only_on_dashboard]
    return [notice for kind in kinds for notice in kind().notices(viewer)]


@dataclass(frozen=True, slots=True)
class Errand:
    """Something that waits for the viewer: what it is, where it is done, and how urgent it is.

    `rank` is 0 for what is the viewer's to do, more for what they may only want to know.
    """

    title: str
    note: str
    url: str
    _: KW_ONLY
    does: str = "View"
    icon: str = "inbox"
    chip: str = ""
    rank: int = 0
    is_late: bool = False
    urgency: int = 0
    severity: int = 1
    due: datetime | None = None

    @property
    def place(self) -> tuple[Any, ...]:
        """Return where it stands among others: the order in which the queue puts requests."""
        return (self.rank, not self.is_late, -self.urgency, -self.severity, self.due is None, self.due)


class Errands(ABC):
    """A source of what waits for people who may do it."""

    permission: ClassVar[str]

    @abstractmethod
    def find(self, viewer: Actor) -> list[Errand]:
        """Return at most `MOST_ERRANDS` of them, the most urgent first."""


MOST_ERRANDS: Final = 8
errands: Registry[Errands] = Registry(Errands, name="errand")  # type: ignore[type-abstract]


def list_errands(viewer: Actor) -> list[Errand] | None:
    """Return what waits for the viewer, the most urgent first; None for who has no such work."""
    kinds = [kind for _, kind in errands.items() if viewer.may(kind.permission)]
    found = [errand for kind in kinds for errand in kind().find(viewer)]
    return sorted(found, key=lambda errand: errand.place)[:MOST_ERRANDS] if kinds else None


class Step(ABC):
    """Something that a new organisation has to have before it can work; it looks whether that is really there."""

    title: ClassVar[str]
    text: ClassVar[str]
    page: ClassVar[str]
    """The name of the URL where it is done."""
    order: ClassVar[int]
    permission: ClassVar[str]

    @abstractmethod
    def is_done(self, viewer: Actor) -> bool:
        """Return True if it is there."""


steps: Registry[Step] = Registry(Step, name="step")  # type: ignore[type-abstract]


def list_steps(viewer: Actor, tenant_id: UUID) -> list[tuple[Step, bool]]:
    """Return the steps that the viewer may do, in order, and whether each is done.

    None once all of them are, which holds for an hour before it is looked at again.
    """
    may = sorted((kind() for _, kind in steps.items() if viewer.may(kind.permission)), key=lambda step: step.order)
    key = f"{tenant_id}:console-set-up:{viewer.user_id}"
    if not may or cache.get(key):
        return []
    found = [(step, step.is_done(viewer)) for step in may]
    if not all(is_done for _, is_done in found):
        return found
    cache.set(key, True, timeout=SET_UP_SECONDS)
    return []


@dataclass(frozen=True, slots=True)
class Found:
    """One answer of the palette: what it is called, a note that tells it apart, and its page."""

    label: str
    note: str
    url: str


class Finder(ABC):
    """Something the palette searches, such as people; it answers what the viewer may see, masked for them."""

    title: ClassVar[str]
    order: ClassVar[int] = 50
    permission: ClassVar[str]

    @abstractmethod
    def find(self, viewer: Actor, words: str) -> list[Found]:
        """Return at most `MOST_FOUND` answers, the best first. One query, or none if the words can't be its."""


MOST_FOUND: Final = 6
finders: Registry[Finder] = Registry(Finder, name="finder")  # type: ignore[type-abstract]


@dataclass(frozen=True, slots=True)
class Number:
    """A number of the viewer's own day, up to 100, and the list of what it counts."""

    title: str
    count: int
    url: str
    _: KW_ONLY
    order: int
    icon: str
    tone: str = "neutral"
    """Its colour unless it is 0; only of what asks for something."""


class DayNumbers(ABC):
    """A source of numbers of the viewer's own day."""

    permission: ClassVar[str]

    @abstractmethod
    def find(self, viewer: Actor) -> list[Number]:
        """Return its numbers."""


day: Registry[DayNumbers] = Registry(DayNumbers, name="numbers of the day")  # type: ignore[type-abstract]


def list_day(viewer: Actor) -> list[Number]:
    """Return the numbers of the viewer's day that they may see, in order."""
    kinds = [kind for _, kind in day.items() if viewer.may(kind.permission)]
    return sorted((number for kind in kinds for number in kind().find(viewer)), key=lambda number: number.order)


class Tile(ABC):
    """One part of the dashboard, with its own template and permission; "side" is beside the viewer's work."""

    order: ClassVar[int] = 50
    width: ClassVar[str] = "full"
    permission: ClassVar[str]
    template: ClassVar[str]

    @abstractmethod
    def context(self, viewer: Actor) -> dict[str, Any]:
        """Return the context of the tile's template; an empty one leaves the tile out."""


tiles: Registry[Tile] = Registry(Tile, name="tile")  # type: ignore[type-abstract]


def list_tiles(viewer: Actor) -> list[dict[str, Any]]:
    """Return the tiles the viewer may see, in order, with their contexts."""
    kinds = [(key, kind) for key, kind in tiles.items() if viewer.may(kind.permission)]
    kinds.sort(key=lambda pair: pair[1].order)
    found: list[dict[str, Any]] = [
        {"key": key, "template": kind.template, "width": kind.width, "tile": tile}
        for key, kind in kinds
        if (tile := kind().context(viewer))
    ]
    alone: dict[str, Any] | None = None
    for entry in [*(one for one in found if one["width"] != "side"), {"width": ""}]:
        if entry["width"] == "half":
            alone = entry if alone is None else None
        elif alone is not None:
            # A half without another half beside it would leave a hole.
            alone["width"], alone = "full", None
    return found
