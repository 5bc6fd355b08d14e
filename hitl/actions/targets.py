"""What is known of the things that requests are about, without an outside call: higher apps register it by type."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from core.actors import Actor
from core.registry import Registry
from hitl.actions import registry


@dataclass(frozen=True, slots=True)
class Target:
    """A thing as it was seen last: the kinds of action that change it, and values that a form of theirs begins with."""

    name: str
    kinds: Sequence[str]
    values: Mapping[str, str]


class TargetType(ABC):
    """The things of one type; `ActionKind.target` names it."""

    @abstractmethod
    def find(self, viewer: Actor, target_id: UUID) -> Target | None:
        """Return a thing by our own id; None if the viewer may not see it, or nothing can be requested for it."""


targets: Final[Registry[TargetType]] = Registry(TargetType, name="type of target")  # type: ignore[type-abstract]


def find_target(*, viewer: Actor, kind: str, target_id: UUID) -> Target | None:
    """Return what a request of a known kind can be about, None if there is nothing that the viewer may see."""
    of_type = dict(targets.items()).get(registry.get(kind).target)
    found = of_type().find(viewer, target_id) if of_type else None
    return found if found and kind in found.kinds else None
