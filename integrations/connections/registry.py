"""What apps above bring to the page of a connection."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, QuerySet

from core.actors import Actor
from integrations.models import ProviderAccount


@dataclass(frozen=True, slots=True)
class Panel:
    """What another app shows about a connection: a template and its context."""

    template: str
    context: Mapping[str, Any]


PanelMaker = Callable[[Actor, ProviderAccount], Panel | None]
_panels: list[PanelMaker] = []


_exchanges: dict[str, tuple[str, Callable[[], Exists]]] = {}


def register_exchange(name: str, title: str, condition: Callable[[], Exists]) -> None:
    """Register what another app exchanges by itself over connections, and the condition of those that it does for.

    The condition is about a connection as `OuterRef("pk")`.
    """
    _exchanges[f"exchanges_{name}"] = (title, condition)


def with_exchanges(rows: QuerySet[ProviderAccount]) -> QuerySet[ProviderAccount]:
    """Return connections with what `exchanges_of` needs of them, so that it takes no query a row."""
    found: QuerySet[ProviderAccount] = rows.annotate(
        **{name: condition() for name, (_, condition) in _exchanges.items()}
    )
    return found


def exchanges_of(connection: ProviderAccount) -> tuple[str, ...]:
    """Return the titles of what is exchanged over a connection. One query unless it is of `with_exchanges`."""
    row: Any = connection
    if not all(hasattr(row, name) for name in _exchanges):
        row = with_exchanges(ProviderAccount.objects.filter(pk=connection.pk)).defer("credentials").get()
    return tuple(title for name, (title, _) in _exchanges.items() if getattr(row, name))


Say = Callable[[ProviderAccount], str]
_notes: list[Say] = []


def register_note(say: Say) -> None:
    """Register what adds a sentence to what a connection is used for, once; "" for one that it isn't about."""
    if say not in _notes:
        _notes.append(say)


def notes_of(connection: ProviderAccount) -> list[str]:
    """Return these sentences about a connection."""
    return [said for say in _notes if (said := say(connection))]


def register_panel(make: PanelMaker) -> None:
    """Register what an app shows on the page of a connection, once; None for one that it isn't about."""
    if make not in _panels:
        _panels.append(make)


def panels_of(viewer: Actor, connection: ProviderAccount) -> list[Panel]:
    """Return the panels of a connection's page for a viewer."""
    made = [make(viewer, connection) for make in _panels]
    return [panel for panel in made if panel is not None]
