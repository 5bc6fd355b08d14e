"""Tiles of the dashboard: apps register them, each with its own template and permission."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from core.actors import Actor
from core.registry import Registry


class Tile(ABC):
    """One part of the dashboard."""

    order: ClassVar[int] = 50
    width: ClassVar[str] = "full"
    permission: ClassVar[str]
    template: ClassVar[str]

    @abstractmethod
    def context(self, viewer: Actor) -> dict[str, Any]:
        """Return what the tile's template shows."""


tiles: Registry[Tile] = Registry(Tile, name="tile")  # type: ignore[type-abstract]


def shown_to(viewer: Actor) -> list[dict[str, Any]]:
    """Return the tiles the viewer may see, in order, with their contexts."""
    kept = [(key, kind) for key, kind in tiles.items() if viewer.may(kind.permission)]
    kept.sort(key=lambda pair: pair[1].order)
    return [
        {"key": key, "template": kind.template, "width": kind.width, "tile": kind().context(viewer)}
        for key, kind in kept
    ]
