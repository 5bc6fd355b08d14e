"""Patterns of texts: regular expressions that RE2 reads in time that grows with the text alone (pure)."""

from typing import Any, Final

import re2

LONGEST: Final = 200
MEMORY: Final = 1 << 18
"""The most bytes that one pattern may take."""


class BadPattern(ValueError):
    """The text is no pattern; the message says why."""


def parse(text: str) -> Any:
    """Return a pattern with `fullmatch`. Raises `BadPattern` with a sentence for who wrote it."""
    options = re2.Options()
    options.log_errors, options.max_mem = False, MEMORY
    try:
        return re2.compile(text, options)
    except re2.error as problem:
        (why,) = problem.args
        raise BadPattern(f"This pattern can't be read: {why.decode()}.") from None
