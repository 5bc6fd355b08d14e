"""Which colours can be read: contrast as WCAG 2 counts it (pure)."""

import re
from typing import Final

LEAST: Final = 4.5
"""The contrast that text needs, WCAG 2.2 AA."""
DARK: Final = "#171b1e"
"""What text stands on in the dark theme."""
_HEX: Final = re.compile(r"#[0-9a-f]{6}")
_Parts = tuple[int, int, int]


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours such as "#155e4c", from 1 to 21."""
    darker, lighter = sorted((_luminance(_parts(one)), _luminance(_parts(other))))
    return (lighter + 0.05) / (darker + 0.05)


def colour_problem(colour: str) -> str:
    """Return why a colour can't be that of text on white and of buttons with white text, or ""."""
    if not _HEX.fullmatch(colour):
        return "Enter a colour such as #155e4c."
    found = contrast(colour, "#ffffff")
    if found < LEAST:
        return f"This colour is hard to read on white ({found:.1f} to 1). Choose a darker one, at least {LEAST} to 1."
    return ""


def lightened(colour: str) -> str:
    """Return the colour made so light that it can be read in the dark theme."""
    parts, mixed = _parts(colour), colour
    for step in range(11):
        mixed = "#" + "".join(f"{round(part + (255 - part) * step / 10):02x}" for part in parts)
        if contrast(mixed, DARK) >= LEAST + 1:
            break
    return mixed


def _parts(colour: str) -> _Parts:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(parts: _Parts) -> float:
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (p / 255 for p in parts))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
