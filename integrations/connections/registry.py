"""What apps above bring to the page of a connection."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from core.actors import Actor
from integrations.models import ProviderAccount


@dataclass(frozen=True, slots=True)
class Panel:
    """What another app shows about a connection: a template and its context."""

    template: str
    context: Mapping[str, Any]


PanelMaker = Callable[[Actor, ProviderAccount], Panel | None]
_panels: list[PanelMaker] = []


def register_panel(make: PanelMaker) -> None:
    """Register what an app shows on the page of a connection, once; None for one that it isn't about."""
    if make not in _panels:
        _panels.append(make)


def panels_of(viewer: Actor, connection: ProviderAccount) -> list[Panel]:
    """Return the panels of a connection's page for a viewer."""
    made = [make(viewer, connection) for make in _panels]
    return [panel for panel in made if panel is not None]
