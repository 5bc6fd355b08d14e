"""Counts beside the navigation: apps register them, they are cached for seconds per person."""

from abc import ABC, abstractmethod
from typing import ClassVar
from uuid import UUID

from django.core.cache import cache

from core.actors import Actor
from core.registry import Registry

SECONDS = 5


class Badge(ABC):
    """One count, such as approvals that wait for me."""

    label: ClassVar[str]
    tone: ClassVar[str] = "neutral"
    permission: ClassVar[str]

    @abstractmethod
    def count(self, viewer: Actor) -> int:
        """Return the number to show; 0 shows nothing."""


badges: Registry[Badge] = Registry(Badge, name="badge")  # type: ignore[type-abstract]


def counts(viewer: Actor, tenant_id: UUID, keys: tuple[str, ...], *, fresh: bool = False) -> dict[str, int]:
    """Return the counts the viewer may see, each computed at most every few seconds unless `fresh`."""
    names = {_cache_key(viewer, tenant_id, key): key for key in keys if viewer.may(badges.get(key).permission)}
    known: dict[str, int] = {} if fresh else cache.get_many(names)
    missing = {name: badges.get(key)().count(viewer) for name, key in names.items() if name not in known}
    if missing:
        cache.set_many(missing, timeout=SECONDS)
    return {names[name]: number for name, number in {**known, **missing}.items()}


def forget(viewer: Actor, tenant_id: UUID) -> None:
    """Have the viewer's counts computed anew: what he just did may have changed them."""
    cache.delete_many([_cache_key(viewer, tenant_id, key) for key in badges.keys()])  # noqa: SIM118  (no dict)


def _cache_key(viewer: Actor, tenant_id: UUID, key: str) -> str:
    return f"{tenant_id}:console-badge:{viewer.user_id}:{key}"
