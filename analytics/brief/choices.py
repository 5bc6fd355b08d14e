"""Which sections a brief can have: our own, and those of the registered platforms."""

from collections.abc import Mapping
from typing import Final

from core.reliability import kept
from integrations import platforms

OWN: Final[Mapping[str, str]] = {
    "approvals": "Waiting for your approval",
    "overdue": "Overdue requests",
    "conversations": "Conversations that need a person",
}


def section_titles() -> dict[str, str]:
    """Return the names of all sections in the console, by their keys in the default order."""
    return {**OWN, **{section.key: section.title for _, section in platforms.sections()}}


def default_sections() -> list[str]:
    """Return what a brief has by default: our own sections, and those of the tenant's connected platforms."""
    connected = kept.keep(lambda: frozenset(each.platform.key for each in platforms.connected()), "connected platforms")
    return [*OWN, *(section.key for platform, section in platforms.sections() if platform.key in connected)]
