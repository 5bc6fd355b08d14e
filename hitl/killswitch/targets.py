"""The targets of kill switches: higher apps register theirs, such as agents."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from core.registry import Registry
from hitl.actions import registry


class Targets(ABC):
    """The targets of one scope of a kill switch."""

    scope: ClassVar[str]
    title: ClassVar[str]

    @abstractmethod
    def choices(self) -> list[tuple[str, str]]:
        """Return (target, name) of all targets in the tenant in scope."""

    def systems(self) -> Mapping[str, tuple[str, bool]]:
        """Return, by target, the outside system that it is a connection with, and whether as its default. One query."""
        return {}


class Kinds(Targets):
    """The kinds of action."""

    scope, title = "kind", "One kind of action"

    def choices(self) -> list[tuple[str, str]]:
        return registry.titles()


targets: Registry[Targets] = Registry(Targets, name="stop target")  # type: ignore[type-abstract]
targets.register("kind", Kinds)


def names() -> dict[tuple[str, str], str]:
    found = [(kind.scope, kind()) for _, kind in targets.items()]
    return {(scope, target): name for scope, group in found for target, name in group.choices()}


def is_target(scope: str, target: str) -> bool:
    """Return True if the target exists, or if no app registered targets of this scope."""
    known = [kind for _, kind in targets.items() if kind.scope == scope]
    return not known or any(target == name for kind in known for name, _ in kind().choices())
