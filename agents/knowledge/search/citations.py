"""Name the sources of an answer: for people in the message, and on record by version and digest."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any
from uuid import UUID

from agents.knowledge.models import Citation, Passage
from agents.knowledge.search.index import digest_of
from agents.knowledge.services import address_problem


def read_sources(numbered: Iterable[tuple[int, UUID]]) -> list[tuple[int, Passage]]:
    """Return the passages behind the numbers of an answer; those that are gone are left out."""
    wanted = dict(numbered)
    found = Passage.objects.select_related("document").in_bulk(list(wanted.values()))
    return [(number, found[key]) for number, key in wanted.items() if key in found]


def facts_of(sources: Sequence[tuple[int, Passage]]) -> list[dict[str, Any]]:
    """Return the sources as a message keeps them: our title and address, never a model's."""
    return [
        {
            "n": number,
            "title": passage.document.title,
            "url": "" if address_problem(passage.document.address) else passage.document.address,
            "document": str(passage.document_id),
        }
        for number, passage in sources
    ]


def as_lines(sources: Sequence[tuple[int, Passage]], shown: Callable[[str], str]) -> str:
    """Return the sources as text, for channels that show nothing beside a message; titles as they are `shown`."""
    facts = facts_of(sources)
    return "\n".join(" ".join(filter(None, (f"[{one['n']}]", shown(one["title"]), one["url"]))) for one in facts)


def record_citations(message_id: UUID, sources: Sequence[tuple[int, Passage]]) -> None:
    """Keep which version of which document an answer cited."""
    Citation.objects.bulk_create(
        Citation(
            message_id=message_id,
            number=number,
            document_id=passage.document_id,
            version_id=passage.version_id,
            passage_number=passage.number,
            digest=digest_of(passage.text),
        )
        for number, passage in sources
    )
