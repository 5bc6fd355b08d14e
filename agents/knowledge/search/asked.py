"""Understand a question: its telling words, what stands for them in passages, and what it is specific about."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from django.db import connection
from django.db.models import Sum

from agents.knowledge.models import Collection, Document, Term, in_force
from agents.knowledge.search.corrections import grams, most_changes, nearest, patterns
from agents.knowledge.search.lines import numbers_of
from agents.knowledge.search.words import (
    CONFIGURATIONS,
    MOST_WORDS,
    across,
    alike,
    is_filler,
    parts_of,
    relatives_of,
    value_asked,
    words_of,
)
from agents.knowledge.selectors import today

OF_ALIKE: Final = 0.85
OF_ACROSS: Final = 0.8
OF_CORRECTED: Final = 0.8
OF_RELATIVE: Final = 0.7
OF_PART: Final = 0.55
OF_UNKNOWN: Final = 0.75
"""What a word weighs that no passage has: people also say what is beside the point."""
OF_ASIDE: Final = 0.5
"""What words weigh that stand beside the sentence that asks."""
OF_BEFORE: Final = 0.3
"""What words weigh of the question from which one goes on, and what nobody knows in a question that goes on."""
WITHOUT_COMPOUNDS: Final = frozenset({"en", "fr", "es", "it", "pt"})
AUDIENCES: Final = {
    "public": (Collection.Audience.PUBLIC,),
    "verified": (Collection.Audience.PUBLIC, Collection.Audience.VERIFIED),
    "members": tuple(Collection.Audience),
}
"""The collections that each kind of caller gets answers from."""
_TIMES: Final = re.compile(
    r"\b\d+(?:[.,]\d+)?\s*-?(?:x|mal|times|min\w*|hours?|stunden?|days?|tage?n?|weeks?|wochen?|months?|monate?n?|"
    r"years?|jahre?n?|heures?|jours?|semaines?|mois|ans?|horas?|d[ií]as?|semanas?|meses|años?)\b",
    re.IGNORECASE,
)
_WORD: Final = re.compile(r"(?P<start>(?:^|[.!?:\n]\W*))?(?P<word>\d+(?:[.,]\d+)+|[^\W_]+)")
_SENTENCE: Final = re.compile(r"(?<=[.!?\n])\s+")
NOUNS_WITH_CAPITALS: Final = "de"


@dataclass(slots=True)
class Word:
    """A word of the question with what stands for it in passages, and how telling it is."""

    text: str
    lexemes: dict[str, float] = field(default_factory=dict)
    passages: int = 0
    weight: float = 0.0
    is_specific: bool = False
    """A passage that answers has to have it, as it is written."""
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as the search understands it."""

    words: Sequence[Word] = field(repr=False)
    languages: frozenset[str]
    collections: tuple[UUID, ...]
    said: Sequence[str] = field(default=(), repr=False)
    """All words of the question, small ones too."""
    value: str = ""
    """The kind of value that it asks for; "" for none."""
    own: frozenset[str] = frozenset()
    """Of a question that goes on from another: its own words, which have to be covered too."""

    @property
    def key(self) -> str:
        """Return what questions about the same have in common."""
        return " ".join(sorted(word.text for word in self.words))


def read_question(
    question: str, *, audience: str, collection_ids: Iterable[UUID] | None = None, before: str = ""
) -> Asked:
    """Return the telling words of a question, with their stems, likes and corrections.

    `before` is the question from which it goes on, whose words weigh less and need not be named.
    """
    collections, languages, total = _shelves(audience, collection_ids)
    if not total:
        return Asked([], frozenset(), collections)
    texts = words_of(f"{question}\n{before}")
    stems = _stems([other for text in texts for other in (text, *alike(text), *across(text))], languages)
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
    mark_specific(words, question)
    _count(words, collections)
    for word in words:
        if not (word.passages or word.is_specific or word.is_number):
            _correct(word, collections, languages, spoken)
    words = [word for word in words if word.lexemes and (word.is_specific or not word.is_number)]
    add_relatives(words, collections, has_compounds=not WITHOUT_COMPOUNDS.issuperset(spoken))
    _count(words, collections)
    # The sentences that ask say what is asked; all, if none ends with a question mark.
    sentences = _SENTENCE.split(question)
    own = frozenset(words_of(" ".join([each for each in sentences if "?" in each] or sentences)))
    mine = frozenset(words_of(question))
    capitals = {m["word"].casefold() for m in _WORD.finditer(question) if m["word"][1:].islower()}
    for word in words:
        word.weight = _tells(word, total)
        word.weight *= 1.0 if word.text in own else OF_BEFORE if word.text not in mine else OF_ASIDE
        word.weight *= 1.0 if word.passages or word.is_specific else OF_BEFORE if before else OF_UNKNOWN
        if word.is_specific and word.passages and NOUNS_WITH_CAPITALS in spoken and word.text.isalpha():
            word.is_specific = word.text not in capitals
    value = value_asked(question) or value_asked(before)
    return Asked(words, frozenset(spoken), collections, texts, value, mine if before else frozenset())


def read_words(texts: Sequence[str], *, audience: str) -> Asked:
    """Return words that were found telling before, in three statements for all: as they are, without corrections."""
    collections, languages, total = _shelves(audience, None)
    if not (texts and total):
        return Asked([], frozenset(), collections)
    stems = _stems([other for text in texts for other in (text, *alike(text), *across(text))], languages)
    words = [_understood(text, stems, languages) for text in texts]
    _count(words, collections)
    for word in words:
        word.weight = _tells(word, total) * (1.0 if word.passages else OF_UNKNOWN)
    return Asked(words, frozenset(languages), collections)


def _shelves(audience: str, collection_ids: Iterable[UUID] | None) -> tuple[tuple[UUID, ...], list[str], int]:
    """Return the collections that are searched, the languages of their documents, and how many passages there are."""
    rows = Collection.objects.filter(audience__in=AUDIENCES[audience])
    if collection_ids is not None:
        rows = rows.filter(pk__in=list(collection_ids))
    documents = Document.objects.filter(in_force(today()), collection__in=rows)
    counted = documents.order_by().values("collection_id", "language").annotate(parts=Sum("passages"))
    facts = list(counted.values_list("collection_id", "language", "parts"))
    return tuple(sorted({row[0] for row in facts})), sorted({row[1] for row in facts}), sum(row[2] for row in facts)


def _tells(word: Word, total: int) -> float:
    """Return how telling a word is: the fewer of all passages have it, the more."""
    return math.log(1 + (total - word.passages + 0.5) / (word.passages + 0.5))


def mark_specific(words: Sequence[Word], question: str) -> None:
    """Mark the words that are written as names, codes and numbers are; not numbers of a time that passes or lasts."""
    names, shouted = set(), question.isupper()
    for match in _WORD.finditer(question):
        word = match["word"]
        is_code = any(sign.isdigit() for sign in word) and any(sign.isalpha() for sign in word)
        is_mixed = not shouted and word[1:] != word[1:].lower()
        is_name = not shouted and match["start"] is None and word[0].isupper() and len(word) > 1
        if is_code or is_mixed or is_name:
            names.add(word.casefold())
    numbers = numbers_of(_TIMES.sub(" ", question))
    for word in words:
        word.is_number = word.text[0].isdigit() and not any(sign.isalpha() for sign in word.text)
        word.is_specific = word.text in names or (word.is_number and bool(numbers & numbers_of(word.text)))


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
    return (len(text) == 1 and not text.isdigit()) or is_filler(text, spoken) or any(not stems[text, s] for s in spoken)


def _understood(text: str, stems: dict[tuple[str, str], str], languages: Sequence[str]) -> Word:
    lexemes: dict[str, float] = {}
    likes = [(each, OF_ALIKE) for each in alike(text)] + [(each, OF_ACROSS) for each in across(text)]
    for other, share in ((text, 1.0), *likes):
        for language in (*languages, "xx"):
            if stem := stems[other, language]:
                lexemes.setdefault(stem, share)
    return Word(text, lexemes)


def _count(words: Sequence[Word], collections: Sequence[UUID]) -> None:
    """Note in how many passages each word or its like is."""
    wanted = {lexeme for word in words for lexeme in word.lexemes}
    rows = Term.objects.filter(collection_id__in=collections, word__in=wanted).order_by()
    known = dict(rows.values("word").annotate(all=Sum("passages")).values_list("word", "all"))
    for word in words:
        word.passages = max((known.get(lexeme, 0) for lexeme in word.lexemes), default=0)


def _correct(word: Word, collections: Sequence[UUID], languages: Sequence[str], spoken: Sequence[str]) -> None:
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
    stems = _stems([meant, *alike(meant), *across(meant)], languages)
    if _is_empty(meant, stems, spoken):
        word.lexemes = {}
        return
    corrected = _understood(meant, stems, languages)
    word.lexemes = {lexeme: share * OF_CORRECTED for lexeme, share in corrected.lexemes.items()}


def add_relatives(words: Sequence[Word], collections: Sequence[UUID], *, has_compounds: bool = True) -> None:
    """Let long words stand for those that begin alike: of compounds, and of the same word in another language."""
    beginnings = {beginning: word for word in words for beginning in relatives_of(word.text)}
    parts = {part: word for word in words if has_compounds and not word.passages for part in parts_of(word.text)}
    if not (beginnings or parts):
        return
    with connection.cursor() as cursor:
        # The ORM cannot compare with many beginnings.
        cursor.execute(
            "select distinct word from agents_term "
            "where collection_id = any(%s) and (word like any(%s) or word = any(%s)) limit 200",
            [list(collections), [f"{each}%" for each in beginnings], list(parts)],
        )
        known = [row[0] for row in cursor.fetchall()]
    for each in known:
        if each in parts:
            parts[each].lexemes.setdefault(each, OF_PART)
        for beginning, word in beginnings.items():
            if each.startswith(beginning):
                word.lexemes.setdefault(each, OF_RELATIVE)
