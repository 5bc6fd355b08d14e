"""Whether a colour can be read (pure): contrast as WCAG 2 counts it, and the nearest shade that has enough."""

import re
from typing import Final

from core.errors import Invalid

ENOUGH: Final = 4.5
WHITE: Final = "#ffffff"
NIGHT: Final = "#121816"
"""The chat's background in the dark."""
BLACK: Final = "#000000"
_COLOUR: Final = re.compile(r"#[0-9a-f]{6}")


def checked_colour(text: str) -> str:
    """Return a colour that white words can be read on, and that can be read on white; "" for none. Raises `Invalid`."""
    colour = text.strip().lower()
    if not colour:
        return ""
    if not _COLOUR.fullmatch(colour):
        raise Invalid("This isn't a colour.", fields={"colour": ["Enter a colour such as #155e4c."]})
    if contrast(colour, WHITE) < ENOUGH:
        words = (
            f"This colour can't be read on white: its contrast is {contrast(colour, WHITE):.1f} to 1, and {ENOUGH} "
            f"is needed. The nearest shade that can is {readable(colour, WHITE)}."
        )
        raise Invalid(words, code="not_readable", fields={"colour": [words]})
    return colour


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, from 1 to 21."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def readable(colour: str, background: str) -> str:
    """Return the colour, mixed with as little black or white as it takes to be read on a background."""
    target = 0 if _luminance(background) > 0.18 else 255
    for share in range(101):
        mixed = "#" + "".join(f"{round(part + (target - part) * share / 100):02x}" for part in _parts(colour))
        if contrast(mixed, background) >= ENOUGH:
            return mixed
    return BLACK if target == 0 else WHITE


def words_on(colour: str) -> str:
    """Return white or black: one of them can always be read on a colour."""
    return max((WHITE, BLACK), key=lambda one: contrast(one, colour))


def _parts(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5))


def _luminance(colour: str) -> float:
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in
              (each / 255 for each in _parts(colour))]  # fmt: skip
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
