"""Find the passages that answer a question, and how much of the question they cover."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final
from uuid import UUID

from django.db import connection
from django.db.models import OuterRef, Subquery
from django.db.models.functions import Left

from agents.knowledge.models import IN_FORCE, Document, Passage, in_force
from agents.knowledge.search.asked import AUDIENCES, Asked, Word, read_question
from agents.knowledge.search.lines import Shares, clauses_of, lines_of, measures_of, narrowed, numbers_of, weigh
from agents.knowledge.search.words import CONFIGURATIONS, has_value, names_kind, words_of
from agents.knowledge.selectors import today
from agents.knowledge.sources.passages import sentences
from core.reliability import kept
from core.tenancy.lookups import Search, register_search

SURE: Final = 0.55
"""The share of a question, weighed by how telling its words are, that a passage covers at least to answer it."""
MOST: Final = 6
UNLIKELY: Final = 0.25
"""Coverage from which a passage may answer a question after all."""
SURE_OF_SEVERAL: Final = 0.75
"""The same where several rows of a list or a table say as much: none of them is about what else was asked."""
NAMED: Final = 0.5
"""How much of a word has to stand with what answers for it to be named."""
OF_BEGINNING: Final = 60
"""Characters at the beginning of a document that say what it is about."""
NEARLY: Final = 0.75
AS_GOOD: Final = 0.02
MOST_OTHER: Final = 3
"""Words that differ at most in the titles of documents about several things of a kind."""
EQUALLY: Final = 0.15
"""By how much the coverage of two passages differs at most that answer a question as well."""
OF_LACKING: Final = 0.8
"""What a passage counts for each word that it doesn't name although the question is specific about it."""
FEWEST_ALIKE: Final = 3
"""Words of a line from which on two that differ in their numbers alone say the same thing twice."""
READ: Final = 16
"""Passages that are read line by line."""
RARE: Final = 700
"""Passages that a search considers; a word that more of them have leads nowhere alone."""
ENOUGH: Final = 40
OF_TITLE: Final = 0.6
OF_WHOLE_TITLE: Final = 0.25
SMOOTH: Final = 0.1
EVEN: Final = 10
"""Makes the first places of two orders weigh little more than the next ones, as in reciprocal rank fusion."""
OF_MEANING: Final = 0.5
"""What a place by meaning is worth beside the same place by words."""
MOST_LOOKED_UP: Final = 6
"""Words by which documents are looked up: each unknown one costs two statements."""
PASSAGES: Final = Search(
    name="passages",
    table="agents_passage",
    words="walker_passage_words(t.collection_id, t.search)",
    asked="asked::tsquery",
    found=(("id", "uuid"),),
    newest="created_at",
    reads=("collection_id", "search"),
)
register_search(PASSAGES)


_Ranked = tuple[float, float, UUID]
"""Score, coverage and passage."""


@dataclass(frozen=True, slots=True)
class Found:
    """A passage that was found: `coverage` from 0 to 1 says how much of the question its best line covers.

    `lacks` is what the question is specific about and the passage does not name; `quote` is what it answers.
    """

    passage: Passage = field(repr=False)
    score: float
    coverage: float
    lacks: tuple[str, ...] = ()
    quote: str = field(default="", repr=False)
    line: str = field(default="", repr=False)
    """The line that covers most."""
    is_row: bool = False
    is_one_of_many: bool = False
    shares: tuple[float, ...] = field(default=(), repr=False)
    """How much of each word of the question stands with that line."""


def search(
    *,
    question: str,
    audience: str,
    collection_ids: Iterable[UUID] | None = None,
    near: Sequence[UUID] = (),
    before: str = "",
    kind: str = "",
    limit: int = MOST,
) -> list[Found]:
    """Return the passages that cover the question best, the best first.

    Only of ready documents in collections that the audience ("public", "verified" or "members") may see. `near` are
    the passages that mean the same, the nearest first, for the same audience and collections: each passage is then
    ranked by its places in both orders. What words are sure of stays the first. `before` is the question from which
    this one goes on: of two passages that contradict, the newer one comes first. `kind` leaves out other documents.
    """
    asked = read_question(question, audience=audience, collection_ids=collection_ids, before=before)
    by_words = _candidates(asked) if asked.words else []
    ranked = _rank(asked, list(dict.fromkeys([*by_words, *near])), kind)
    wanted = [key for _, _, key in ranked[:READ]] + [key for key in near[:READ] if near]
    first = Passage.objects.filter(document=OuterRef("document")).order_by("number")
    begins = Subquery(first.values(start=Left("text", OF_BEGINNING))[:1])
    passages = Passage.objects.select_related("document", "version").annotate(begins=begins).in_bulk(wanted)
    read = _read(asked, [passages[key] for key in dict.fromkeys(wanted) if key in passages])
    best = newest_first(fuse(read, near) if near else read)[:limit]
    return [narrow(asked, best[0]), *best[1:]] if best else []


def is_sure(found: Sequence[Found]) -> bool:
    """Return True if the first passage covers enough of the question to answer it, and names all it is about."""
    if not found or found[0].lacks:
        return False
    is_covered = found[0].coverage >= (SURE_OF_SEVERAL if found[0].is_one_of_many else SURE)
    return is_covered and not contradicts_itself(found)


def _candidates(asked: Asked) -> list[UUID]:
    """Return the passages worth ranking: those with all words, with rare ones, and with pairs of the others."""
    known = sorted((word for word in asked.words if word.passages), key=lambda word: word.passages)
    if not known:
        return []
    each = [has_word(word, asked.collections) for word in known]
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


def has_word(word: Word, collections: Iterable[UUID]) -> str:
    """Return the condition that a passage of one of the collections has a word, or what stands for it."""
    return f"({' | '.join(_quoted(f'{str(key)[24:]}/{each}') for key in collections for each in word.lexemes)})"


def look_up(words: str) -> list[UUID]:
    """Return the newest passages that have all telling words; none if one of the words is nowhere.

    For colleagues: of every collection, and also of documents that aren't valid today.
    """
    asked = read_question(" ".join(words.split()[:MOST_LOOKED_UP]), audience="members")
    if not asked.words or not all(word.passages for word in asked.words):
        return []
    return _matching(" & ".join(has_word(word, asked.collections) for word in asked.words), RARE)


def _lexemes(asked: Asked) -> list[tuple[int, float, str]]:
    """Return each lexeme that stands for a word of the question, with the word's place and what it counts."""
    return [(place, share, each) for place, word in enumerate(asked.words) for each, share in word.lexemes.items()]


def _quoted(lexeme: str) -> str:
    """Return a lexeme as it stands in a `tsquery`."""
    return "'" + lexeme.replace("\\", "\\\\").replace("'", "''") + "'"


def _matching(query: str, most: int) -> list[UUID]:
    with connection.cursor() as cursor:
        # Row-level security would keep the index from being used; the function takes the tenant from the scope.
        cursor.execute(f"select id from {PASSAGES.function}(%s, %s)", [query, most])  # noqa: S608
        return [row[0] for row in cursor.fetchall()]


def _rank(asked: Asked, candidates: Sequence[UUID], kind: str) -> list[_Ranked]:
    """Return the candidates by the weight of their words, in titles more, long passages a little less."""
    if not candidates:
        return []
    whole = sum(word.weight for word in asked.words)
    lexemes = _lexemes(asked)
    quoted = [_quoted(lexeme) for _, _, lexeme in lexemes]
    with connection.cursor() as cursor:
        # The ORM cannot compare one vector with many queries.
        cursor.execute(
            # Put together with nothing, a vector is unpacked once and not for each comparison.
            "select p.id, "  # noqa: S608  (nothing but our own condition)
            "array(select p.search @@ q from unnest(%(here)s::tsquery[]) with ordinality u(q, n) order by n), "
            "array(select p.search @@ q from unnest(%(above)s::tsquery[]) with ordinality u(q, n) order by n), "
            "ts_rank(p.search, %(any)s::tsquery, 1), p.length, d.language, d.title "
            "from (select id, document_id, tenant_id, search || ''::tsvector as search, char_length(text) as length "
            "from agents_passage where id = any(%(candidates)s) offset 0) p "
            f"join agents_document d on d.id = p.document_id and d.tenant_id = p.tenant_id where {IN_FORCE} "
            "and %(kind)s in ('', d.kind)",
            {
                "here": quoted,
                "above": [f"{key}:A" for key in quoted],
                "any": " | ".join(quoted),
                "candidates": list(candidates),
                "today": today(),
                "kind": kind,
            },
        )
        rows = cursor.fetchall()
    ranked, said = [], set(asked.said)
    named_by = {title: set(words_of(title)) for title in {row[-1] for row in rows}}
    for key, has, titled, rank, length, language, title in rows:
        here, above = [0.0] * len(asked.words), [0.0] * len(asked.words)
        for (place, share, _), is_here, is_titled in zip(lexemes, has, titled, strict=True):
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


def _read(asked: Asked, passages: Sequence[Passage]) -> list[Found]:
    """Return passages by the line of each that says most of what is asked, the best first."""
    if not passages:
        return []
    cut = [lines_of(passage.text) for passage in passages]
    texts: dict[tuple[str, str], int] = {}
    for passage, lines in zip(passages, cut, strict=True):
        of_lines = (text for line in lines for text in (line.text, line.lead))
        for text in (passage.document.title, passage.heading, passage.begins, *of_lines):  # type: ignore[attr-defined]
            texts.setdefault((passage.document.language, text), len(texts))
    shares = _shares(asked, list(texts))
    weights, said = [word.weight for word in asked.words], set(asked.said)
    # A document may name at its beginning what it is about, but no number of its facts.
    subjects = [at for at, word in enumerate(asked.words) if word.is_specific and not word.is_number]
    kind_words = [at for at, word in enumerate(asked.words) if names_kind(word.text, asked.value)]
    found = []
    for passage, lines in zip(passages, cut, strict=True):
        language, title = passage.document.language, passage.document.title
        mine = Shares(
            title=shares[texts[language, title]],
            heading=shares[texts[language, passage.heading]],
            lines=[shares[texts[language, line.text]] for line in lines],
            leads=[shares[texts[language, line.lead]] for line in lines],
        )
        best = weigh(lines, mine, weights, value=asked.value, kind_words=kind_words)
        own = [at for at, word in enumerate(asked.words) if word.text in asked.own] if asked.own else []
        covers = sum(weights[at] * best.shares[at] for at in own) / (sum(weights[at] for at in own) or 1.0)
        coverage = min(best.coverage, covers) if asked.own else best.coverage
        named = set(words_of(title))
        begins = shares[texts[language, passage.begins]]  # type: ignore[attr-defined]
        named_by = {at for at, share in enumerate(best.shares) if share >= NAMED}
        named_by |= {at for at in subjects if begins[at] >= NAMED}
        lacks = [word.text for at, word in enumerate(asked.words) if word.is_specific and at not in named_by]
        score = best.score * (1.0 if language in asked.languages else 0.9) * OF_LACKING ** min(len(lacks), 3)
        score *= 1.0 + OF_WHOLE_TITLE * len(said & named) / max(len(said | named), 1)
        facts = (best.line, best.is_row, best.is_one_of_many, tuple(best.shares))
        found.append(Found(passage, score, coverage, tuple(lacks), best.quote, *facts))
    return sorted(found, key=lambda each: (-each.score, each.passage.pk))


def newest_first(found: Sequence[Found]) -> list[Found]:
    """Return the passages with the newest of those first that answer as well as the first one, and otherwise."""
    if not found:
        return []
    rivals = [each for each in found[1:] if contradict(found[0], each)]
    newest = max((found[0], *rivals), key=lambda each: came_into_force(each.passage.document))
    return [newest, *(each for each in found if each is not newest)]


def contradict(one: Found, other: Found) -> bool:
    """Return True if two documents answer the same question as well, with other values."""
    if one.passage.document_id == other.passage.document_id or not (is_sure([one]) and is_sure([other])):
        return False
    here, there = one.passage.document, other.passage.document
    if here.is_foreign != there.is_foreign:  # what others wrote takes nothing back that the organisation says
        return False
    if here.language != there.language or _are_parallel(here.title, there.title):
        return False
    if abs(one.coverage - other.coverage) > EQUALLY or other.score < one.score * NEARLY:
        return False
    if any(abs(mine - theirs) >= NAMED for mine, theirs in zip(one.shares, other.shares, strict=True)):
        return False
    mine, theirs = measures_of(one.line), measures_of(other.line)
    return any(mine[unit].isdisjoint(theirs[unit]) for unit in mine.keys() & theirs.keys())


def contradicts_itself(found: Sequence[Found]) -> bool:
    """Return True if the first document says its best line twice under one heading, with other numbers."""
    first = found[0]
    said, numbers = _but_for_numbers(first.line), numbers_of(first.line)
    if first.is_row or len(said) < FEWEST_ALIKE or not numbers:
        return False
    place = (first.passage.document_id, first.passage.heading)
    same = (each.passage.text for each in found if (each.passage.document_id, each.passage.heading) == place)
    lines = (line.text for text in same for line in lines_of(text))
    return any(numbers_of(line) not in (numbers, frozenset()) and _but_for_numbers(line) == said for line in lines)


def _but_for_numbers(line: str) -> list[str]:
    return [word for word in words_of(line) if not word[0].isdigit()]


def list_choices(found: Sequence[Found]) -> list[str]:
    """Return the titles of documents that answer a question as well, each for something of its own; none for one."""
    if not is_sure(found):
        return []
    first = found[0].passage.document
    titles = [first.title]
    for other in found[1:]:
        document = other.passage.document
        is_as_good = is_sure([other]) and found[0].coverage - other.coverage <= AS_GOOD
        is_of_kind = document.language == first.language and _are_parallel(first.title, document.title)
        if is_as_good and is_of_kind and document.title not in titles:
            titles.append(document.title)
    return titles if len(titles) > 1 else []


def _are_parallel(one: str, other: str) -> bool:
    """Return True if two titles say the same of two things: "Opening hours of the harbour" and "of the station"."""
    mine, theirs = ({word for word in words_of(title) if not word[0].isdigit()} for title in (one, other))
    return bool(mine & theirs and mine - theirs and theirs - mine) and len(mine ^ theirs) <= MOST_OTHER


def came_into_force(document: Document) -> date:
    """Return the day since when a document says what it says."""
    return max(filter(None, (document.valid_from, document.updated_at.date())))


def narrow(asked: Asked, found: Found) -> Found:
    """Return a passage with only that part of its best line quoted that is about what was asked."""
    language = found.passage.document.language
    said, *more = [found.line] if not found.is_row else sentences(found.line) or [found.line]
    if more:  # of a list's row of several sentences, the one that says most of it
        each = [said, *more]
        shares = _shares(asked, [(language, one) for one in each])
        worth = [sum(word.weight * share for word, share in zip(asked.words, mine, strict=True)) for mine in shares]
        said = each[worth.index(max(worth))]
    clauses = clauses_of(said, is_row=found.is_row)
    if not clauses:
        return found
    shares = _shares(asked, [(language, clause) for clause in clauses])
    numbers = [at for at, word in enumerate(asked.words) if word.is_number]
    part = narrowed(said, clauses, shares, is_row=found.is_row, numbers=numbers)
    if asked.value and has_value(said, asked.value) and not has_value(part, asked.value):
        return found
    return replace(found, quote=found.quote.replace(said, part))


def _shares(asked: Asked, texts: Sequence[tuple[str, str]]) -> list[list[float]]:
    """Return how much of each word of the question stands in each of the texts, which come with their language."""
    lexemes = _lexemes(asked)
    quoted = [_quoted(lexeme) for _, _, lexeme in lexemes]
    with connection.cursor() as cursor:
        # The ORM cannot compare one text with many queries.
        cursor.execute(
            "select array(select s.v @@ q from unnest(%s::tsquery[]) with ordinality u(q, n) order by n) "
            "from (select n, to_tsvector(c::regconfig, t) || to_tsvector('simple', t) as v "
            "from unnest(%s::text[], %s::text[]) with ordinality x(c, t, n) offset 0) s order by s.n",
            [quoted, [CONFIGURATIONS[language] for language, _ in texts], [text for _, text in texts]],
        )
        rows = cursor.fetchall()
    numbers = {place: numbers_of(word.text) for place, word in enumerate(asked.words) if word.is_number}
    found = []
    for (has,), (_, text) in zip(rows, texts, strict=True):
        mine = [0.0] * len(asked.words)
        for (place, share, _), is_here in zip(lexemes, has, strict=True):
            mine[place] = max(mine[place], share * is_here)
        if numbers:
            here = numbers_of(text)
            for place, number in numbers.items():
                mine[place] = float(number <= here)
        found.append(mine)
    return found


def fuse(read: Sequence[Found], near: Sequence[UUID]) -> list[Found]:
    """Return each passage once, by the sum of what its place by words and its place by meaning are worth."""
    by_words = {each.passage.pk: place for place, each in enumerate(read, 1) if each.coverage > 0}
    by_meaning = {key: place for place, key in enumerate(near, 1)}
    orders = ((by_words, 1.0), (by_meaning, OF_MEANING))
    fused = [
        replace(each, score=sum(w / (EVEN + order[key]) for order, w in orders if (key := each.passage.pk) in order))
        for each in read
    ]
    sure = read[0].passage.pk if is_sure(read) else None
    return sorted(fused, key=lambda each: (each.passage.pk != sure, -each.score, -each.coverage, each.passage.pk))


def has_knowledge(audience: str, collection_ids: Sequence[UUID] = ()) -> bool:
    """Return True if there is anything that this audience gets answers from; of these collections, if any are named.

    As it was seconds ago: what a search finds is read each time.
    """

    def look() -> bool:
        rows = Document.objects.filter(in_force(today()), collection__audience__in=AUDIENCES[audience], passages__gt=0)
        return (rows.filter(collection_id__in=collection_ids) if collection_ids else rows).exists()

    return kept.keep(look, "has knowledge", audience, tuple(collection_ids))
