"""Audiences as two worlds know them: how large one is on the platform, how many of it we can write to."""

import abc
from typing import Final

from conversations import selectors
from conversations.selectors import Audience
from core.errors import NotFound
from core.naming import closest, folded

MAX_CHOICES: Final = 20


class AudienceSource(abc.ABC):
    """A platform outside that knows audiences and their sizes."""

    @abc.abstractmethod
    def sizes(self) -> dict[str, int]:
        """Return the people in each audience by its name; empty when the platform cannot be asked."""


_sources: list[AudienceSource] = []


def register_source(source: AudienceSource) -> None:
    """Ask this platform for sizes; the first that knows a name counts. Raises TypeError on anything else."""
    if not isinstance(source, AudienceSource):
        raise TypeError(f"{source!r} is no AudienceSource")
    if not any(type(known) is type(source) for known in _sources):
        _sources.append(source)


def platform_sizes() -> dict[str, int]:
    """Return the sizes on the platforms by name."""
    found: dict[str, int] = {}
    for source in reversed(_sources):
        found |= source.sizes()
    return found


def find_audience(name: str, sizes: dict[str, int]) -> Audience:
    """Return the audience of exactly this name (case aside) whom we can write to.

    Raises `NotFound` otherwise: code "nobody_reachable" where only the platform knows it,
    "unknown_name" with the nearest names in `choices` where nobody does.
    """
    known = selectors.list_audiences()
    wanted = folded(name)
    for audience in known:
        if folded(audience.name) == wanted:
            return audience
    for label, size in sizes.items():
        if folded(label) == wanted:
            detail = f"“{label}” has {in_numbers(size, 0)}: there is nobody to write to."
            raise NotFound(detail, code="nobody_reachable")
    labels = [audience.name for audience in known]
    near = closest(name, labels)
    facts = {"fields": {"audience": ["unknown"]}, "choices": near or labels[:MAX_CHOICES], "near": bool(near)}
    raise NotFound("There is no such audience.", code="unknown_name", **facts)


def size_of(name: str, sizes: dict[str, int]) -> int | None:
    """Return how large an audience is on the platform; None where that is not known."""
    return next((size for label, size in sizes.items() if folded(label) == folded(name)), None)


def in_numbers(size: int | None, reachable: int) -> str:
    """Say both numbers in words: "1,480 in the platform, 7 of them reachable here by chat"."""
    if size is None:
        return f"{reachable:,} reachable here by chat"
    among = "none" if not reachable else f"{reachable:,}"
    return f"{size:,} in the platform, {among} of them reachable here by chat"
