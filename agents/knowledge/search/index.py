"""Write a document's passages and what its collection knows about words."""

import hashlib
from collections import Counter
from typing import Any, Final
from uuid import UUID

from django.contrib.postgres.search import SearchVector
from django.db import connection
from django.db.models import F, Value

from agents.knowledge.models import Document, DocumentVersion, Passage, Term
from agents.knowledge.search.corrections import grams
from agents.knowledge.search.words import CONFIGURATIONS
from agents.knowledge.sources.passages import Piece
from core.db.locks import advisory_lock

LONGEST_WORD: Final = 60
BATCH: Final = 200


def digest_of(text: str) -> str:
    """Return the digest by which a passage or a version is known."""
    return hashlib.sha256(text.encode()).hexdigest()


def write_passages(document: Document, version: DocumentVersion, pieces: list[Piece]) -> None:
    """Replace a document's passages, within the caller's transaction and with the document locked."""
    _lock_terms(document.collection_id)
    before = _count_words(document.pk)
    Passage.objects.filter(document=document).delete()
    configuration = CONFIGURATIONS[document.language]
    rows = [
        Passage(
            collection_id=document.collection_id,
            document=document,
            version=version,
            number=number,
            heading=piece.heading,
            text=piece.text,
            search=_vector(configuration, document.title, piece),
        )
        for number, piece in enumerate(pieces, 1)
    ]
    Passage.objects.bulk_create(rows, batch_size=BATCH)
    document.passages = len(rows)
    _change_terms(document.collection_id, before, _count_words(document.pk))


def remove_passages(document: Document) -> None:
    """Take a document out of the search, within the caller's transaction and with the document locked."""
    _lock_terms(document.collection_id)
    before = _count_words(document.pk)
    Passage.objects.filter(document=document).delete()
    document.passages = 0
    _change_terms(document.collection_id, before, Counter())


def _vector(configuration: str, title: str, piece: Piece) -> Any:
    """Return the stems and, beside them, the whole words: a name is no word of any language."""
    head = f"{title} {piece.heading}"
    parts = [
        SearchVector(Value(text), config=each, weight=weight)
        for each in dict.fromkeys((configuration, "simple"))
        for text, weight in ((head, "A"), (piece.text, "B"))
    ]
    vector: Any = parts[0]
    for part in parts[1:]:
        vector = vector + part
    return vector


def _lock_terms(collection_id: UUID) -> None:
    """Let one document of a collection change its words at a time: two would wait for each other's rows."""
    advisory_lock(f"terms|{collection_id}")


def _count_words(document_id: UUID) -> Counter[str]:
    """Return how many passages of a document have each word."""
    with connection.cursor() as cursor:
        # The ORM cannot take a text search vector apart.
        cursor.execute(
            "select word, count(*) from agents_passage p, unnest(tsvector_to_array(p.search)) word "
            "where p.document_id = %s and char_length(word) <= %s group by word",
            [document_id, LONGEST_WORD],
        )
        return Counter(dict(cursor.fetchall()))


def _change_terms(collection_id: UUID, before: Counter[str], after: Counter[str]) -> None:
    """Add the difference to the collection's words, and drop those that no passage has."""
    changes = {word: after[word] - before[word] for word in before | after if after[word] != before[word]}
    for group in sorted(set(changes.values())):
        words = sorted(word for word, change in changes.items() if change == group)
        known = set(Term.objects.filter(collection_id=collection_id, word__in=words).values_list("word", flat=True))
        Term.objects.filter(collection_id=collection_id, word__in=known).update(passages=F("passages") + group)
        Term.objects.bulk_create(
            [
                Term(collection_id=collection_id, word=word, passages=group, grams=grams(word))
                for word in words
                if word not in known
            ],
            batch_size=1000,
        )
    if any(change < 0 for change in changes.values()):
        Term.objects.filter(collection_id=collection_id, passages__lte=0).delete()
