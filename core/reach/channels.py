"""Which channels there are: their kinds and who carries them, as each says when it is registered."""

from typing import Final

_kinds: Final[dict[str, str]] = {}
_providers: Final[dict[str, str]] = {}
pairs: Final[dict[tuple[str, str], bool]] = {}  # and whether customers write there


def register(kind: tuple[str, str], provider: tuple[str, str], *, is_written_to: bool) -> None:
    """Add a channel, by name and label. Raises ValueError when a label is another one than before."""
    for labels, (name, label) in ((_kinds, kind), (_providers, provider)):
        if labels.setdefault(name, label) != label:
            raise ValueError(f"{name!r} is called {labels[name]!r} by another channel, not {label!r}")
    pairs[kind[0], provider[0]] = is_written_to


def kinds(*, written_to: bool = False) -> list[tuple[str, str]]:
    """Return kinds and labels, or those on which customers write. Raises LookupError while there are none."""
    if not _kinds:  # or a form that is made too early would offer nothing, and nobody would notice
        raise LookupError("Ask for channels once all apps are ready.")
    wanted = {kind for (kind, _), is_written_to in pairs.items() if is_written_to or not written_to}
    return sorted(((kind, _kinds[kind]) for kind in wanted), key=lambda pair: pair[1].lower())


def providers() -> list[tuple[str, str]]:
    """Return who carries messages, with their labels."""
    return sorted(_providers.items(), key=lambda pair: pair[1].lower())


def label_of(kind: str) -> str:
    """Return what people call a kind; its name where no channel has it."""
    return _kinds.get(kind, kind)
