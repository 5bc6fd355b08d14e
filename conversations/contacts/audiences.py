"""Audiences with both of their sizes: on the platform, and how many people we can message."""

from dataclasses import replace
from typing import Final

from conversations import registry
from conversations.contacts.selectors import audiences
from conversations.contacts.selectors.audiences import Audience
from core.errors import NotFound
from core.text.matching import closest, normalise_name

MAX_CHOICES: Final = 20


def platform_sizes() -> dict[str, int]:
    """Return the sizes on the platforms by name."""
    found: dict[str, int] = {}
    for source in reversed(registry.audience_sources()):
        found |= source.sizes()
    return found


def find_audience(name: str, sizes: dict[str, int]) -> Audience:
    """Return the audience of exactly this name (ignoring case) if we can message anyone in it.

    Raises `NotFound`: "nobody_reachable" where only the platform has it or everyone is left out,
    "unknown_name" with the closest names in `choices` where it does not exist.
    """
    known = audiences.list_audiences()
    wanted = normalise_name(name)
    size_of = {normalise_name(label): size for label, size in sizes.items()}
    for audience in known:
        if normalise_name(audience.name) == wanted:
            return _require_reachable(replace(audience, size=size_of.get(wanted)))
    for label, size in sizes.items():
        if normalise_name(label) == wanted:
            return _require_reachable(Audience(label, 0, size))
    labels = [audience.name for audience in known]
    near = closest(name, labels)
    facts = {"fields": {"audience": ["unknown"]}, "choices": near or labels[:MAX_CHOICES], "near": bool(near)}
    raise NotFound("There is no audience with this name.", code="unknown_name", **facts)


def _require_reachable(audience: Audience) -> Audience:
    if not audience.contacts:
        detail = f"“{audience.name}” has {audience.in_numbers()}: there is nobody to message."
        raise NotFound(detail, code="nobody_reachable")
    return audience
