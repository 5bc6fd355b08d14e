"""The connected platforms as a source of audience sizes, beside the numbers we can reach."""

from typing import Any

from conversations import selectors
from conversations.selectors import Audience
from conversations.types import AudienceSource
from core.errors import Unavailable
from core.observability.logging import get_logger
from core.text.matching import normalise_name
from integrations import platforms

log = get_logger(__name__)


class PlatformAudiences(AudienceSource):
    """Sizes from the tenant's accounts on all connected platforms."""

    def sizes(self) -> dict[str, int]:
        """Return the sizes by name, without those of a platform that does not answer."""
        found: dict[str, int] = {}
        for connection in platforms.connected():
            try:
                found |= _sizes_on(connection)
            except Unavailable as error:
                log.warning("audience_sizes_unknown", platform=connection.platform.key, code=error.code)
        return found


def list_both() -> list[dict[str, Any]]:
    """Return every audience with its size on the platforms and how many people we can message.

    Raises Unavailable when none is connected, or one does not answer.
    """
    connections = platforms.connected()
    if not connections:
        raise Unavailable("Your organisation has no connected platform.", code="not_connected")
    sizes: dict[str, int | None] = {name: size for each in connections for name, size in _sizes_on(each).items()}
    reachable = {normalise_name(each.name): each.contacts for each in selectors.list_audiences()}
    known = {normalise_name(name) for name in sizes}
    sizes |= {each.name: None for each in selectors.list_audiences() if normalise_name(each.name) not in known}
    rows = []
    for name, size in sizes.items():
        reached = reachable.get(normalise_name(name), 0)
        people = Audience(name, reached, size).in_numbers()
        rows.append({"name": name, "size": size, "reachable": reached, "people": people})
    return rows


def _sizes_on(connection: platforms.Connection) -> dict[str, int]:
    with connection.open() as client:
        return connection.platform.audience_sizes(client)
