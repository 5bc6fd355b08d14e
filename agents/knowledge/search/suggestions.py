"""Suggest the document nearest to each of several open questions, in a fixed number of statements."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from django.db import connection

from agents.knowledge.models import IN_FORCE, Document, OpenQuestion
from agents.knowledge.search.asked import Word, read_words
from agents.knowledge.search.search import OF_TITLE, PASSAGES, RARE, UNLIKELY, has_word
from agents.knowledge.selectors import VIEW, today
from core.actors import Actor

MOST: Final = 40
"""Passages that one look-up of a question brings at most, the newest; there are up to three."""
RAREST: Final = 3
"""Words of a question that tell most, of which a passage has one at least."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A document that says something about a question, but not enough to answer it."""

    document: Document = field(repr=False)
    coverage: float
    """From 0 to 1: how much of the question's words, by weight, one passage of it has."""
    shared: tuple[str, ...] = field(default=(), repr=False)
    """The words of the question that it has, the most telling first."""


def suggest_documents(*, viewer: Actor, questions: Sequence[OpenQuestion]) -> dict[UUID, Suggestion]:
    """Return for each question the document nearest to it, if one is near.

    Of collections for any audience, on the days that they are valid. Needs `agents.view_agent`.
    """
    viewer.require(VIEW)
    asked = read_words(sorted({text for row in questions for text in row.words}), audience="members")
    by_text = {word.text: word for word in asked.words}
    words = {row.pk: [by_text[text] for text in row.words if text in by_text] for row in questions}
    near = rank_documents(words, asked.collections)
    documents = Document.objects.select_related("collection").in_bulk([key for key, _, _ in near.values()])
    return {
        question: Suggestion(documents[key], coverage, shared)
        for question, (key, coverage, shared) in near.items()
        if key in documents
    }


def rank_documents(
    words: Mapping[UUID, Sequence[Word]], collections: Sequence[UUID]
) -> dict[UUID, tuple[UUID, float, tuple[str, ...]]]:
    """Return for each question the document of its best passage, how much that covers, and by which words."""
    wanted: dict[str, list[UUID]] = {}
    for question, asked in words.items():
        known = sorted((word for word in asked if word.passages), key=lambda word: word.passages)
        each = [has_word(word, collections) for word in known]
        rare = [query for query, word in zip(each, known, strict=True) if word.passages <= RARE][:RAREST]
        for query in {" & ".join(each), " & ".join(each[:2]), " | ".join(rare)} - {""}:
            wanted.setdefault(query, []).append(question)
    lexemes = {lexeme for asked in words.values() for word in asked for lexeme in word.lexemes}
    best: dict[UUID, tuple[float, UUID, float, tuple[str, ...]]] = {}
    for queries, document, here, above in find_passages(list(wanted), lexemes) if wanted else ():
        for question in {question for query in queries for question in wanted[query]}:
            has = [(word, _share(word, here), _share(word, above)) for word in words[question]]
            whole = sum(word.weight for word, _, _ in has) or 1.0
            coverage = sum(word.weight * share for word, share, _ in has) / whole
            score = coverage + OF_TITLE * sum(word.weight * titled for word, _, titled in has) / whole
            if coverage >= UNLIKELY and (question not in best or (score, document) > best[question][:2]):
                shared = sorted((word for word, share, _ in has if share), key=lambda word: -word.weight)
                best[question] = (score, document, coverage, tuple(word.text for word in shared))
    return {question: found[1:] for question, found in best.items()}


def _share(word: Word, lexemes: frozenset[str]) -> float:
    return max((share for lexeme, share in word.lexemes.items() if lexeme in lexemes), default=0.0)


def find_passages(
    queries: Sequence[str], lexemes: set[str]
) -> list[tuple[list[str], UUID, frozenset[str], frozenset[str]]]:
    """Return passages: the queries that found each, its document, and the lexemes in it and in its title."""
    with connection.cursor() as cursor:
        # The ORM can neither ask a function for many rows nor take a vector apart.
        cursor.execute(
            "with found as (select f.id, array_agg(q) as queries from unnest(%(queries)s::text[]) q "  # noqa: S608
            f"cross join lateral {PASSAGES.function}(q, %(most)s) f group by f.id) "
            "select found.queries, p.document_id, "
            "array(select l from unnest(tsvector_to_array(p.search)) l where l = any(%(lexemes)s)), "
            "array(select l from unnest(tsvector_to_array(ts_filter(p.search, '{a}'))) l where l = any(%(lexemes)s)) "
            "from found join agents_passage p on p.id = found.id "
            f"join agents_document d on d.id = p.document_id and d.tenant_id = p.tenant_id where {IN_FORCE}",
            {"queries": list(queries), "most": MOST, "lexemes": sorted(lexemes), "today": today()},
        )
        return [(asked, key, frozenset(here), frozenset(above)) for asked, key, here, above in cursor.fetchall()]
