"""Template tags for a brief: named styles, and bars, headings and wrapped lines for plain text."""

import textwrap

from django import template

from analytics.brief.styles import STYLES

register = template.Library()
WIDTH = 76
CELLS = 20


@register.simple_tag
def style(kind: str, tone: str) -> str:
    """Return the style of a tone."""
    return STYLES.get(f"{kind}{tone}", "")


@register.filter
def bar(percent: int) -> str:
    """Return a bar of blocks."""
    full = max(1, round(percent / 100 * CELLS))
    return "█" * full + "░" * (CELLS - full)


@register.filter
def heading(title: str) -> str:
    """Return an underlined heading."""
    return f"{title}\n{'-' * min(len(title), WIDTH)}"


@register.filter
def fold(text: str, indent: int = 0) -> str:
    """Wrap a text to lines that every mail client shows whole; later lines are indented."""
    return textwrap.fill(text, WIDTH, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)
