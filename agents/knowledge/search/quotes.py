"""Quote the part of a passage that answers a question (pure)."""

from typing import Final

from agents.knowledge.search.words import words_of
from agents.knowledge.sources.passages import sentences

LONGEST: Final = 700
"""Characters that are quoted whole; of a longer passage the best sentences in a row are."""
ALIKE: Final = 4
"""Letters that two forms of a word have in common at least."""


def quote(text: str, question: str) -> str:
    """Return the passage, or those of its sentences in a row that have most words of the question."""
    if len(text) <= LONGEST:
        return text
    lines = sentences(text)
    asked = {word[: max(ALIKE, len(word) - 3)] for word in words_of(question) if len(word) >= ALIKE}
    found = [words_of(line) for line in lines]
    hits = [sum(any(word.startswith(begins) for word in said) for begins in asked) for said in found]
    best = max(range(len(lines)), key=lambda place: (hits[place], -place))
    first = last = best
    length = len(lines[best])
    # What follows explains more often than what comes before.
    while True:
        for place in (last + 1, first - 1):
            if 0 <= place < len(lines) and length + len(lines[place]) + 1 <= LONGEST:
                first, last, length = min(first, place), max(last, place), length + len(lines[place]) + 1
                break
        else:
            break
    chosen = " ".join(lines[first : last + 1])
    return chosen if len(chosen) <= LONGEST else f"{chosen[: LONGEST - 1].rstrip()}…"
