"""The marketing platform as a source of audience sizes, beside the numbers we can reach."""

from __future__ import annotations

from typing import Any

from conversations import selectors
from conversations.selectors import Audience
from conversations.types import AudienceSource
from core.errors import Unavailable
from core.observability.logging import get_logger
from core.text.matching import folded
from integrations.sandbox_ads import selectors as platform

log = get_logger(__name__)


class PlatformAudiences(AudienceSource):
    """Sizes from the tenant's account on the platform."""

    def sizes(self) -> dict[str, int]:
        """Return the sizes by name; empty when the platform does not answer."""
        try:
            return {row.name: row.size for row in platform.list_audiences()}
        except Unavailable as error:
            log.warning("audience_sizes_unknown", code=error.code)
            return {}


def list_both() -> list[dict[str, Any]]:
    """Return every audience with its size on the platform and how many people we can message.

    Raises Unavailable when the platform does not answer.
    """
    sizes: dict[str, int | None] = {row.name: row.size for row in platform.list_audiences()}
    reachable = {folded(each.name): each.contacts for each in selectors.list_audiences()}
    known = {folded(name) for name in sizes}
    sizes |= {each.name: None for each in selectors.list_audiences() if folded(each.name) not in known}
    rows = []
    for name, size in sizes.items():
        reached = reachable.get(folded(name), 0)
        people = Audience(name, reached, size).in_numbers()
        rows.append({"name": name, "size": size, "reachable": reached, "people": people})
    return rows
