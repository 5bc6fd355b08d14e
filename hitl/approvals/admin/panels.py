"""Panels on an approval's page that higher apps fill in, such as the conversation's excerpt."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from core.actors import Actor
from core.registry import Registry

if TYPE_CHECKING:
    from hitl.models import Approval


class ContextPanel(ABC):
    """One part of an approval's page; it stays away when it has nothing to show the viewer."""

    title: ClassVar[str]
    template: ClassVar[str]
    permission: ClassVar[str]

    @abstractmethod
    def context(self, *, viewer: Actor, approval: "Approval") -> dict[str, Any] | None:
        """Return what the template shows, or None for nothing.

        `words` in it, `who` and `text`, are those by which it was requested: the page begins with them.
        """


panels: Registry[ContextPanel] = Registry(ContextPanel, name="context panel")  # type: ignore[type-abstract]


def register(key: str, panel: type[ContextPanel]) -> None:
    """Add a panel; raises `TypeError` for a class that is not one."""
    panels.register(key, panel)


def shown_to(viewer: Actor, approval: "Approval") -> list[dict[str, Any]]:
    """Return the panels the viewer may see that have something to show."""
    shown = []
    for key, panel in panels.items():
        found = panel().context(viewer=viewer, approval=approval) if viewer.may(panel.permission) else None
        if found is not None:
            shown.append({"key": key, "title": panel.title, "template": panel.template, "panel": found})
    return shown
