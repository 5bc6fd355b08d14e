"""Banners over the dashboard and the queue: apps register what everybody at work must know now."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from core.actors import Actor
from core.registry import Registry


@dataclass(frozen=True, slots=True)
class Notice:
    """One banner as shown."""

    title: str
    text: str
    url: str = ""
    leads: str = "Look"
    tone: str = "danger"
    icon: str = "pause"


class Banner(ABC):
    """One source of banners."""

    permission: ClassVar[str]
    only_on_the_dashboard: ClassVar[bool] = False

    @abstractmethod
    def notices(self, viewer: Actor) -> list[Notice]:
        """Return what is to be said now; mostly nothing."""


banners: Registry[Banner] = Registry(Banner, name="banner")  # type: ignore[type-abstract]


def shown_to(viewer: Actor, *, on_dashboard: bool = False) -> list[Notice]:
    """Return the banners the viewer may see."""
    kinds = [kind for _, kind in banners.items() if viewer.may(kind.permission)]
    kinds = [kind for kind in kinds if on_dashboard or not kind.only_on_the_dashboard]
    return [notice for kind in kinds for notice in kind().notices(viewer)]
