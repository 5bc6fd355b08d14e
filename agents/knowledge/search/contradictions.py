"""Mark documents for their keepers that say otherwise than a newer one that answers the same question."""

from collections.abc import Sequence
from typing import Final

from agents.knowledge.models import Document
from agents.knowledge.search.search import Found, came_into_force, contradict

LONGEST: Final = 200
"""Characters of either side that are shown."""


def mark_outdated(found: Sequence[Found]) -> None:
    """Mark the documents that the first one contradicts, which is the newest. For agents; no query for most questions.

    Once for each version of the newer one: what a keeper left as it is stays unmarked.
    """
    for other in (each for each in found[1:] if contradict(found[0], each)):
        newer, older = found[0].passage.document, other.passage.document
        known, is_kept = (older.outdated.get("newer"), older.outdated.get("version")), older.outdated.get("kept")
        if known == (str(newer.pk), newer.version) or (older.outdated and not is_kept):
            continue
        if came_into_force(newer) < came_into_force(older):
            continue
        Document.objects.filter(pk=older.pk, version=older.version).update(
            outdated={
                "newer": str(newer.pk),
                "version": newer.version,
                "title": newer.title,
                "says": other.line[:LONGEST],
                "instead": found[0].line[:LONGEST],
            }
        )
