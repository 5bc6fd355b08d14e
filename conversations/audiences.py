"""Audiences as two worlds know them: how large one is on the platform, how many of it we can write to."""

from dataclasses import replace
from typing import Final

from conversations import registry, selectors
from conversations.selectors import Audience
from core.errors import NotFound
from core.text.matching import closest, folded

MAX_CHOICES: Final = 20


def platform_sizes() -> dict[str, int]:
    """Return the sizes on the platforms by name."""
    found: dict[str, int] = {}
    for source in reversed(registry.audience_sources()):
        found |= source.sizes()
    return found


def find_audience(name: str, sizes: dict[str, int]) -> Audience:
    """Return the audience of exactly this name (case aside) whom we can write to.

    Raises `NotFound` otherwise: code "nobody_reachable" where only the platform knows it or
    everybody is left out, "unknown_name" with the nearest names in `choices` where nobody does.
    """
    known = selectors.list_audiences()
    wanted = folded(name)
    size_of = {folded(label): size for label, size in sizes.items()}
    for audience in known:
        if folded(audience.name) == wanted:
            return _with_somebody(replace(audience, size=size_of.get(wanted)))
    for label, size in sizes.items():
        if folded(label) == wanted:
            return _with_somebody(Audience(label, 0, size))
    labels = [audience.name for audience in known]
    near = closest(name, labels)
    facts = {"fields": {"audience": ["unknown"]}, "choices": near or labels[:MAX_CHOICES], "near": bool(near)}
    raise NotFound("There is no such audience.", code="unknown_name", **facts)


def _with_somebody(audience: Audience) -> Audience:
    if not audience.contacts:
        detail = f"“{audience.name}” has {audience.in_numbers()}: there is nobody to write to."
        raise NotFound(detail, code="nobody_reachable")
    return audience
