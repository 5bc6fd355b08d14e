"""Find the passages that mean what a question means, under row-level security like any other row."""

from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction

from agents.knowledge.models import IN_FORCE, Collection
from agents.knowledge.search.asked import AUDIENCES
from agents.knowledge.search.storage import INDEXED
from agents.knowledge.search.vectors import Embedder
from agents.knowledge.selectors import today
from agents.llm.ports import ModelFailed
from agents.llm.routes.calls import Place
from agents.llm.routes.ledger import Spent
from core.observability.logging import get_logger

log = get_logger(__name__)
SECONDS: Final = 2.0
"""For the vector of a question; later than that, words have to do."""
MOST: Final = 40
EXACT: Final = 10_000
"""Vectors up to which each is compared, which takes 170 ms at 1,536 numbers; beyond, the index is asked."""
SCANNED: Final = 200_000
"""Entries of the index that are read at most until enough of the tenant's are found."""


def find_nearest(
    embedder: Embedder,
    question: str,
    *,
    audience: str,
    collection_ids: Iterable[UUID] | None = None,
    place: Place,
) -> list[UUID]:
    """Return the passages nearest to a question without personal data, the nearest first.

    Empty if the route does not answer in time or within the budgets: the search by words goes on without it. Not
    inside a transaction.
    """
    try:
        [vector] = embedder.embed([question], seconds=SECONDS, place=place)
    except (ModelFailed, Spent) as problem:
        log.warning("question_not_embedded", code=getattr(problem, "code", "budget_spent"))
        return []
    return compare(embedder, vector, audience=audience, collection_ids=collection_ids)


def compare(
    embedder: Embedder,
    vector: Sequence[float],
    *,
    audience: str,
    collection_ids: Iterable[UUID] | None = None,
    limit: int = MOST,
) -> list[UUID]:
    """Return the passages of ready documents whose vectors are nearest, of collections that the audience may see."""
    rows = Collection.objects.filter(audience__in=AUDIENCES[audience])
    if collection_ids is not None:
        rows = rows.filter(pk__in=list(collection_ids))
    given: dict[str, Any] = {
        **embedder.makes,
        "collections": list(rows.values_list("pk", flat=True)),
        "vector": "[" + ",".join(f"{value:.7g}" for value in vector) + "]",
        "limit": limit,
        "exact": EXACT + 1,
        "today": today(),
    }
    size = int(embedder.route.embedding_dimensions)
    with transaction.atomic(), connection.cursor() as cursor:
        # The ORM knows no distances. The size is a literal, as the type and the index's condition name it.
        cursor.execute(_COUNT.format(size=size), given)
        is_large = cursor.fetchone()[0] > EXACT and size in INDEXED
        if is_large:
            # Row-level security filters what the index returns: without this, a small tenant gets next to nothing.
            cursor.execute("set local hnsw.iterative_scan = relaxed_order")
            cursor.execute(f"set local hnsw.max_scan_tuples = {SCANNED}")
            cursor.execute(f"set local hnsw.ef_search = {4 * MOST}")
        cursor.execute((_BY_INDEX if is_large else _ONE_BY_ONE).format(size=size), given)
        return [row[0] for row in cursor.fetchall()]


_MINE: Final = """
v.route_id = %(route_id)s and v.base_url = %(base_url)s and v.model = %(model)s and v.dimensions = {size}
"""
_SEEN: Final = f"""
exists (
    select from agents_passage p join agents_document d on d.id = p.document_id and d.tenant_id = p.tenant_id
    where p.id = v.passage_id and p.tenant_id = v.tenant_id and p.collection_id = any(%(collections)s)
    and {IN_FORCE}
)
"""
_COUNT: Final = f"select count(*) from (select from agents_passagevector v where {_MINE} limit %(exact)s) counted"  # noqa: S608
# Materialised, so that no index can answer: it would only be right as far as it looked.
_ONE_BY_ONE: Final = f"""
with mine as materialized (
    select v.passage_id, v.embedding from agents_passagevector v where {_MINE} and {_SEEN}
)
select passage_id, embedding::vector({{size}}) <=> %(vector)s::vector({{size}}) as distance
from mine order by distance, passage_id limit %(limit)s
"""  # noqa: S608
# The index returns them nearly in their order.
_BY_INDEX: Final = f"""
with near as materialized (
    select v.passage_id, v.embedding::vector({{size}}) <=> %(vector)s::vector({{size}}) as distance
    from agents_passagevector v where {_MINE} and {_SEEN}
    order by v.embedding::vector({{size}}) <=> %(vector)s::vector({{size}}) limit %(limit)s
)
select passage_id, distance from near order by distance, passage_id
"""  # noqa: S608
