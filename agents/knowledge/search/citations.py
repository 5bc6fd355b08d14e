"""Name the sources of an answer: for people in the message, and on record by version and digest."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection

from agents.knowledge.models import Citation, Passage
from agents.knowledge.search.index import digest_of
from agents.knowledge.selectors import VIEW
from agents.knowledge.services import address_problem
from core.actors import Actor
from core.clock import now

COUNTED: Final = timedelta(days=30)
MOST: Final = 1000
"""Citations of a document that are read to count the answers, the newest."""


@dataclass(frozen=True, slots=True)
class Cited:
    """How many answers cited a document in the last 30 days, and when the last one did, however long ago."""

    answers: int = 0
    last_at: datetime | None = None
    is_more: bool = False
    """There were more than are counted."""


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


def count_citations(*, viewer: Actor, document_ids: Sequence[UUID]) -> dict[UUID, Cited]:
    """Return which answers cited each of a page's documents, as `cited_of` does. Needs `agents.view_agent`."""
    viewer.require(VIEW)
    return cited_of(document_ids)


def cited_of(document_ids: Sequence[UUID]) -> dict[UUID, Cited]:
    """Return which answers cited each of some documents; those that none cited are left out.

    One statement, which reads at most `MOST` entries of an index for each document. The caller checks the permission.
    """
    with connection.cursor() as cursor:
        # The ORM cannot limit what is counted for each row of a page.
        cursor.execute(
            "select d.id, count(distinct c.message_id) filter (where c.created_at >= %(since)s), max(c.created_at), "
            "count(*) filter (where c.created_at >= %(since)s) from unnest(%(documents)s::uuid[]) d(id) "
            "cross join lateral (select message_id, created_at from agents_citation where document_id = d.id "
            "order by created_at desc limit %(most)s) c group by d.id",
            {"since": now() - COUNTED, "documents": list(document_ids), "most": MOST},
        )
        return {key: Cited(answers, last, read == MOST) for key, answers, last, read in cursor.fetchall()}
