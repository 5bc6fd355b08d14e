"""Which channels there are: their kinds and who carries them, as each channel says when it is registered."""

from typing import Final

Choices = list[tuple[str, str]]
"""Each name with what people read, by that."""
_kinds: Final[dict[str, str]] = {}
_providers: Final[dict[str, str]] = {}
_pairs: Final[set[tuple[str, str]]] = set()
_written_to: Final[set[str]] = set()


def register(kind: tuple[str, str], provider: tuple[str, str], *, is_written_to: bool) -> None:
    """Add a channel, by name and label. Raises ValueError when a label is another one than before."""
    for known, (name, label) in ((_kinds, kind), (_providers, provider)):
        if known.setdefault(name, label) != label:
            raise ValueError(f"{name!r} is called {known[name]!r} by another channel, not {label!r}")
    _pairs.add((kind[0], provider[0]))
    _written_to.update([kind[0]] if is_written_to else [])


def kinds(*, written_to: bool = False) -> Choices:
    """Return all kinds, or those on which customers write. Raises LookupError before the channels are registered."""
    return [(name, label) for name, label in _sorted(_kinds) if not written_to or name in _written_to]


def providers() -> Choices:
    """Return who carries messages. Raises LookupError before the channels are registered."""
    return _sorted(_providers)


def label_of(kind: str) -> str:
    """Return what people call a kind; its name where no channel has it."""
    return _kinds.get(kind, kind)


def is_known(kind: str, provider: str) -> bool:
    """Return True if there is a channel of this kind by this provider."""
    return (kind, provider) in _pairs


def _sorted(known: dict[str, str]) -> Choices:
    if not known:  # or a form that is made too early would offer nothing, and nobody would notice
        raise LookupError("Ask for channels once all apps are ready.")
    return sorted(known.items(), key=lambda pair: pair[1].lower())
