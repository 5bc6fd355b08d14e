"""Which offered name an answer picks: by its place in the list, by yes, or by name."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agents.rule_based_model.phrases import book

_PLACES = ("first", "second", "third", "fourth", "fifth")
_PLACE = (
    r"^(?:(?:the|number|no\.?|option|please|#)\s*)*(?P<place>first|second|third|fourth|fifth|[1-5](?:st|nd|rd|th)?)"
)
_YES = re.compile(r"^(?:yes|yep|yeah|sure|exactly|right|correct|that one|that's it|ok|okay)\b[\s\w,.!]{0,12}$")


def offered_in(text: str) -> tuple[str, ...]:
    """Return the names listed in our answer.

    They stand one a line after a hyphen, without text after a long dash.
    """
    lines = [line.strip() for line in text.splitlines()]
    return tuple(line[2:].partition(" — ")[0].strip(" “”") for line in lines if line.startswith("- "))


def chosen(text: str, choices: Sequence[str]) -> str:
    """Return the offered name that the answer picks, or "" when it picks none or could mean several."""
    answer = " ".join(text.split()).casefold()
    things = "|".join(("one", *book().things, "please"))
    if place := re.match(rf"{_PLACE}(?:\s+(?:{things}))*[\s.!)]*$", answer):
        word = place["place"]
        number = int(word[0]) - 1 if word[0].isdigit() else _PLACES.index(word)
        return choices[number] if number < len(choices) else ""
    if len(choices) == 1 and _YES.match(answer):
        return choices[0]
    named = [choice for choice in choices if re.search(rf"(?<!\w){re.escape(choice.casefold())}(?!\w)", answer)]
    longest = max(named, key=len, default="")
    return longest if all(name.casefold() in longest.casefold() for name in named) else ""
