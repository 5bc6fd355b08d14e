"""Which of the names we offered an answer takes: by its place in the list, by yes, or by name."""

from __future__ import annotations

import re
from collections.abc import Sequence

_PLACES = ("first", "second", "third", "fourth", "fifth")
_PLACE = re.compile(
    r"^(?:(?:the|number|no\.?|option|please|#)\s*)*(?P<place>first|second|third|fourth|fifth|[1-5](?:st|nd|rd|th)?)"
    r"(?:\s+(?:one|page|campaign|audience|article|please))*[\s.!)]*$"
)
_YES = re.compile(r"^(?:yes|yep|yeah|sure|exactly|right|correct|that one|that's it|ok|okay)\b[\s\w,.!]{0,12}$")


def offered_in(text: str) -> tuple[str, ...]:
    """The names listed in an answer of ours: one to a line, after a dash, without what follows a long dash."""
    lines = [line.strip() for line in text.splitlines()]
    return tuple(line[2:].partition(" — ")[0].strip(" “”") for line in lines if line.startswith("- "))


def chosen(text: str, choices: Sequence[str]) -> str:
    """The offered name that the answer takes; empty when it takes none, or could take several."""
    said = " ".join(text.split()).casefold()
    if place := _PLACE.match(said):
        number = _number(place["place"])
        return choices[number] if number < len(choices) else ""
    if len(choices) == 1 and _YES.match(said):
        return choices[0]
    named = [choice for choice in choices if re.search(rf"(?<!\w){re.escape(choice.casefold())}(?!\w)", said)]
    longest = max(named, key=len, default="")
    return longest if all(name.casefold() in longest.casefold() for name in named) else ""


def _number(place: str) -> int:
    return int(place[0]) - 1 if place[0].isdigit() else _PLACES.index(place)
