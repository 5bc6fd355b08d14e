"""Find the passages that answer a question, and how much of the question they cover."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from django.db import connection
from django.db.models import Sum

from agents.knowledge.models import LIVE, Collection, Document, Passage, Term
from agents.knowledge.search.corrections import grams, most_changes, nearest, patterns
from agents.knowledge.search.words import CONFIGURATIONS, MOST_WORDS, alike, is_filler, words_of
from core.reliability import kept
from core.tenancy.lookups import Search, register_search

SURE: Final = 0.55
"""The share of a question, weighed by how telling its words are, that a passage covers at least to answer it."""
MOST: Final = 6
RARE: Final = 1000
"""Passages that a search considers; a word that more of them have leads nowhere alone."""
ENOUGH: Final = 40
OF_ALIKE: Final = 0.85
OF_CORRECTED: Final = 0.8
OF_TITLE: Final = 0.6
OF_WHOLE_TITLE: Final = 0.25
SMOOTH: Final = 0.1
EVEN: Final = 60
"""Makes the first places of two orders weigh little more than the next ones, as in reciprocal rank fusion."""
AUDIENCES: Final = {
    "public": (Collection.Audience.PUBLIC,),
    "verified": (Collection.Audience.PUBLIC, Collection.Audience.VERIFIED),
    "members": tuple(Collection.Audience),
}
"""The collections that each kind of caller gets answers from."""

_SEARCH: Final = Search(
    name="passages",
    table="agents_passage",
    words="walker_passage_words(t.collection_id, t.search)",
    asked="asked::tsquery",
    found=(("id", "uuid"),),
    newest="created_at",
    reads=("collection_id", "search"),
)
register_search(_SEARCH)


_Ranked = tuple[float, float, UUID]
"""Score, coverage and passage."""


@dataclass(frozen=True, slots=True)
class Found:
    """A passage that was found: `coverage` from 0 to 1 says how much of the question it covers."""

    passage: Passage = field(repr=False)
    score: float
    coverage: float


@dataclass(slots=True)
class _Word:
    """A word of the question with what stands for it in passages, and how telling it is."""

    text: str
    lexemes: dict[str, float] = field(default_factory=dict)
    passages: int = 0
    weight: float = 0.0


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as the search understands it."""

    words: Sequence[_Word] = field(repr=False)
    languages: frozenset[str]
    collections: tuple[UUID, ...]
    said: Sequence[str] = field(default=(), repr=False)
    """All words of the question, small ones too."""

    @property
    def key(self) -> str:
        """Return what questions about the same have in common."""
        return " ".join(sorted(word.text for word in self.words))


def search(
    *,
    question: str,
    audience: str,
    collection_ids: Iterable[UUID] | None = None,
    near: Sequence[UUID] = (),
    limit: int = MOST,
) -> list[Found]:
    """Return the passages that cover the question best, the best first.

    Only of ready documents in collections that the audience ("public", "verified" or "members") may see. `near` are
    the passages that mean the same, the nearest first, for the same audience and collections: each passage is then
    ranked by its places in both orders. What words are sure of stays the first.
    """
    asked = read_question(question, audience=audience, collection_ids=collection_ids)
    by_words = _candidates(asked) if asked.words else []
    ranked = _rank(asked, list(dict.fromkeys([*by_words, *near])))
    best = (_fuse(ranked, near) if near else ranked)[:limit]
    passages = Passage.objects.select_related("document", "version").in_bulk([key for _, _, key in best])
    return [Found(passages[key], score, coverage) for score, coverage, key in best if key in passages]


def is_sure(found: Sequence[Found]) -> bool:
    """Return True if the first passage covers enough of the question to answer it."""
    return bool(found) and found[0].coverage >= SURE


def read_question(question: str, *, audience: str, collection_ids: Iterable[UUID] | None = None) -> Asked:
    """Return the telling words of a question, with their stems, likes and corrections."""
    rows = Collection.objects.filter(audience__in=AUDIENCES[audience])
    if collection_ids is not None:
        rows = rows.filter(pk__in=list(collection_ids))
    documents = Document.objects.filter(LIVE, collection__in=rows)
    counted = documents.order_by().values("collection_id", "language").annotate(parts=Sum("passages"))
    facts = list(counted.values_list("collection_id", "language", "parts"))
    collections = tuple(sorted({row[0] for row in facts}))
    total = sum(row[2] for row in facts)
    if not total:
        return Asked([], frozenset(), collections)
    languages = sorted({row[1] for row in facts})
    texts = words_of(question)
    stems = _stems(texts + [other for text in texts for other in alike(text)], languages)
    # The languages that most of the small words belong to; all if none tells.
    small = {
        language: sum(not stems[text, language] or is_filler(text, [language]) for text in texts)
        for language in languages
        if language != "xx"
    }
    most = max(small.values(), default=0)
    spoken = [language for language, count in small.items() if count == most] or list(languages)
    telling = [text for text in texts if not _is_empty(text, stems, spoken)][:MOST_WORDS]
    words = [_understood(text, stems, languages) for text in telling]
    _count(words, collections)
    for word in words:
        if not word.passages:
            _correct(word, collections, languages, spoken)
    words = [word for word in words if word.lexemes]
    _count(words, collections)
    for word in words:
        word.weight = math.log(1 + (total - word.passages + 0.5) / (word.passages + 0.5))
    return Asked(words, frozenset(spoken), collections, texts)


def _stems(texts: Sequence[str], languages: Sequence[str]) -> dict[tuple[str, str], str]:
    """Return the stem of each word in each language; "" for one that the language leaves out."""
    names = {language: CONFIGURATIONS[language] for language in {*languages, "xx"}}
    with connection.cursor() as cursor:
        # The ORM cannot ask for the stem of a word.
        cursor.execute(
            "select word, language, array_to_string(tsvector_to_array(to_tsvector(name::regconfig, word)), ' ') "
            "from unnest(%s::text[]) word, unnest(%s::text[], %s::text[]) as names(language, name)",
            [list(dict.fromkeys(texts)), list(names), list(names.values())],
        )
        return {(word, language): stem for word, language, stem in cursor.fetchall()}


def _is_empty(text: str, stems: dict[tuple[str, str], str], spoken: Sequence[str]) -> bool:
    return len(text) == 1 or is_filler(text, spoken) or any(not stems[text, language] for language in spoken)


def _understood(text: str, stems: dict[tuple[str, str], str], languages: Sequence[str]) -> _Word:
    lexemes: dict[str, float] = {}
    for other, share in ((text, 1.0), *((each, OF_ALIKE) for each in alike(text))):
        for language in (*languages, "xx"):
            if stem := stems[other, language]:
                lexemes.setdefault(stem, share)
    return _Word(text, lexemes)


def _count(words: Sequence[_Word], collections: Sequence[UUID]) -> None:
    """Note in how many passages each word or its like is."""
    wanted = {lexeme for word in words for lexeme in word.lexemes}
    rows = Term.objects.filter(collection_id__in=collections, word__in=wanted).order_by()
    known = dict(rows.values("word").annotate(all=Sum("passages")).values_list("word", "all"))
    for word in words:
        word.passages = max((known.get(lexeme, 0) for lexeme in word.lexemes), default=0)


def _correct(word: _Word, collections: Sequence[UUID], languages: Sequence[str], spoken: Sequence[str]) -> None:
    """Put the nearest known word in the place of one that no passage has; drop it if that is a small word."""
    limit, parts = most_changes(word.text), grams(word.text)
    if not limit:
        return
    with connection.cursor() as cursor:
        # The ORM cannot count what two arrays share.
        cursor.execute(
            "select word from agents_term where collection_id = any(%s) "
            "and char_length(word) between %s and %s and word like any(%s) "
            "group by word "
            "order by max(cardinality(array(select unnest(grams) intersect select unnest(%s::varchar[])))) desc, word "
            "limit 60",
            [list(collections), len(word.text) - limit, len(word.text) + limit, patterns(parts), parts],
        )
        known = [row[0] for row in cursor.fetchall()]
    meant = nearest(word.text, known)
    if not meant:
        return
    stems = _stems([meant, *alike(meant)], languages)
    if _is_empty(meant, stems, spoken):
        word.lexemes = {}
        return
    corrected = _understood(meant, stems, languages)
    word.lexemes = {lexeme: share * OF_CORRECTED for lexeme, share in corrected.lexemes.items()}


def _candidates(asked: Asked) -> list[UUID]:
    """Return the passages worth ranking: those with all words, with rare ones, and with pairs of the others."""
    known = sorted((word for word in asked.words if word.passages), key=lambda word: word.passages)
    if not known:
        return []
    # For each word the condition that a passage of one of the collections has it.
    keys = [[f"{str(key)[24:]}/{lexeme}" for key in asked.collections for lexeme in word.lexemes] for word in known]
    quoted = [["'" + key.replace("\\", "\\\\").replace("'", "''") + "'" for key in group] for group in keys]
    each = [f"({' | '.join(group)})" for group in quoted]
    rare = [query for query, word in zip(each, known, strict=True) if word.passages <= RARE]
    common = each[len(rare) :][:4]
    queries = [" & ".join(each), " | ".join(rare)] if rare else [" & ".join(each)]
    queries += [f"{one} & {two}" for place, one in enumerate(common) for two in common[place + 1 :]]
    found: dict[UUID, None] = {}
    for query in queries:
        if len(found) < RARE:
            found |= dict.fromkeys(_matching(query, RARE - len(found)))
    if len(found) < ENOUGH and (len(known) <= 2 or not rare):
        found |= dict.fromkeys(_matching(" | ".join(each), RARE - len(found)))
    return list(found)


def _matching(query: str, most: int) -> list[UUID]:
    with connection.cursor() as cursor:
        # Row-level security would keep the index from being used; the function takes the tenant from the scope.
        cursor.execute(f"select id from {_SEARCH.function}(%s, %s)", [query, most])  # noqa: S608
        return [row[0] for row in cursor.fetchall()]


def _rank(asked: Asked, candidates: Sequence[UUID]) -> list[_Ranked]:
    """Return the candidates by the weight of their words, in titles more, long passages a little less."""
    if not candidates:
        return []
    whole = sum(word.weight for word in asked.words)
    plain = [(place, share, lexeme) for place, word in enumerate(asked.words) for lexeme, share in word.lexemes.items()]
    quoted = ["'" + lexeme.replace("\\", "\\\\").replace("'", "''") + "'" for _, _, lexeme in plain]
    with connection.cursor() as cursor:
        # The ORM cannot compare one vector with many queries.
        cursor.execute(
            # Put together with nothing, a vector is unpacked once and not for each comparison.
            "select p.id, array(select p.search @@ q from unnest(%s::tsquery[]) with ordinality u(q, n) order by n), "
            "array(select p.search @@ q from unnest(%s::tsquery[]) with ordinality u(q, n) order by n), "
            "ts_rank(p.search, %s::tsquery, 1), p.length, d.language, d.title "
            "from (select id, document_id, tenant_id, search || ''::tsvector as search, char_length(text) as length "
            "from agents_passage where id = any(%s) offset 0) p "
            "join agents_document d on d.id = p.document_id and d.tenant_id = p.tenant_id where d.state = 'ready'",
            [quoted, [f"{key}:A" for key in quoted], " | ".join(quoted), list(candidates)],
        )
        rows = cursor.fetchall()
    ranked, said = [], set(asked.said)
    named_by = {title: set(words_of(title)) for title in {row[-1] for row in rows}}
    for key, has, titled, rank, length, language, title in rows:
        here, above = [0.0] * len(asked.words), [0.0] * len(asked.words)
        for (place, share, _), is_here, is_titled in zip(plain, has, titled, strict=True):
            here[place] = max(here[place], share * is_here)
            above[place] = max(above[place], share * is_titled)
        covered = sum(word.weight * share for word, share in zip(asked.words, here, strict=True))
        score = covered + OF_TITLE * sum(w.weight * share for w, share in zip(asked.words, above, strict=True))
        score *= 1.0 if language in asked.languages else 0.9
        score *= 1.0 - SMOOTH * min(length, 1200) / 1200
        # Small words tell "Where is my order?" from all other titles with an order.
        named = named_by[title]
        score *= 1.0 + OF_WHOLE_TITLE * len(said & named) / max(len(said | named), 1)
        ranked.append((score + rank, covered / whole if whole else 0.0, key))
    ranked.sort(key=lambda row: (-row[0], row[2]))
    return ranked


def _fuse(ranked: Sequence[_Ranked], near: Sequence[UUID]) -> list[_Ranked]:
    """Return each passage once, by the sum of what its place by words and its place by meaning are worth."""
    by_words = {key: place for place, (_, coverage, key) in enumerate(ranked, 1) if coverage > 0}
    by_meaning = {key: place for place, key in enumerate(near, 1)}
    fused = [
        (sum(1 / (EVEN + order[key]) for order in (by_words, by_meaning) if key in order), coverage, key)
        for _, coverage, key in ranked
    ]
    sure = ranked[0][2] if ranked and ranked[0][1] >= SURE else None
    return sorted(fused, key=lambda row: (row[2] != sure, -row[0], -row[1], row[2]))


def has_knowledge(audience: str, collection_ids: Sequence[UUID] = ()) -> bool:
    """Return True if there is anything that this audience gets answers from; of these collections, if any are named.

    As it was seconds ago: what a search finds is read each time.
    """

    def look() -> bool:
        rows = Document.objects.filter(LIVE, collection__audience__in=AUDIENCES[audience], passages__gt=0)
        return (rows.filter(collection_id__in=collection_ids) if collection_ids else rows).exists()

    return kept.keep(look, "has knowledge", audience, tuple(collection_ids))
