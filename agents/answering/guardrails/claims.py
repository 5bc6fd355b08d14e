"""Which sentences of an answer may claim that something was done, and which of them surely don't (pure)."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from agents.answering.guardrails import sentences as words
from core.text.courtesies import courtesy_in
from core.text.languages import is_in_none_of, language_of, main_language
from core.text.speech import SPOKEN
from hitl.actions import registry as kinds

_MONTH: Final = r"(?<=\d\.\s)(?:Jan|Feb|Mär|Apr|Mai|Jun|Jul|Aug|Sep|Okt|Nov|Dez)\w*\b"
_ENDS: Final = re.compile(rf"(?<=[.!?…؟])(?:\s+(?!{_MONTH})|(?=[^\W\d_]{{2}}))|(?<=[。！？।])\s*|\n+")
"""Ends of sentences, also where the space was forgotten ("It is done.Shall I go on?")."""
_CLAUSE: Final = re.compile(
    r"[,;:](?:\s+|$|(?=[\u3040-\u9fff\uac00-\ud7af]))|[،؛、]|[()]|\s+[–—-]+\s+|"
    r"\s+(?=(?:but|aber|sondern|mais|pero|and|und|et|y|if|when|whenever|unless|whether|because|as soon as|"
    r"si|s['’]il|quand|lorsque|parce que|cuando|en cuanto|porque)\s)",
    re.IGNORECASE,
)
_JOINED: Final = re.compile(r"^(?:and|und|et|y|but|aber|sondern|mais|pero|that|dass|daß|que|so)\s+", re.IGNORECASE)
_BULLET: Final = re.compile(r"^\W+")
_LONGEST: Final = 600
"""Letters of a sentence that are read; a longer one is held, if it may claim anything."""


@dataclass(frozen=True)
class Sentence:
    """A sentence that names an action: as it stands, with its heading, and what it surely does."""

    text: str
    said: str
    claims: bool
    """As far as rules can tell."""
    is_plain: bool
    """No judge has to be asked: it is a question, a condition or a denial throughout, or names no action."""
    is_unread: bool = False
    """It is in a language that rules have no words for, and may claim anything."""

    def is_held(self, *, acts: bool) -> bool:
        """Return True if it needs a record or a judge to pass; of an agent that `acts` also what no rule can read."""
        return self.claims or (acts and self.is_unread)


def candidates(text: str, talk: str = "") -> list[Sentence]:
    """Return the sentences of a text that may claim that something was done or is under way.

    `talk` is the language of the conversation, for a text that tells none.
    """
    return [each for each in _sentences(text, talk) if not each.is_plain]


def sentences_of(text: str) -> list[str]:
    """Return the sentences of a text."""
    return [part.strip() for part in _ENDS.split(text)]


def _sentences(text: str, talk: str) -> Iterator[Sentence]:
    heading, around = "", main_language(text) or talk
    for part in _ENDS.split(text):
        said = unicodedata.normalize("NFKC", part).strip(" -*•¡\t")
        if not said:
            continue
        whole = f"{heading} {said}" if heading else said
        heading = said if said.endswith(":") else heading if _BULLET.match(part) else ""
        claims, is_open = reads(said)
        is_named = bool(words.ACTING.search(said)) or _names_kind(said)
        is_unread = _is_unread(said, around)
        is_plain = not (claims or is_unread) and (is_open or not (is_named or words.TELLS.search(said)))
        yield Sentence(part.strip(), whole, claims, is_plain, is_unread)


@lru_cache(maxsize=4096)
def _is_unread(sentence: str, around: str) -> bool:
    """Return True if rules can't read a sentence: by its own language, else by the one of the text around it.

    One that tells no language is unread in an English text too if its words are hardly English: the customer's
    "Please answer in Swahili" is.
    """
    if words.QUESTION.search(sentence):  # what is asked, at its end, is no report; what comes before is said
        sentence = ", ".join([clause for clause in _CLAUSE.split(sentence) if clause.strip()][:-1])
    if courtesy_in(sentence)[0] or not any(sign.isalpha() for sign in sentence):
        return False
    language = language_of(sentence)
    return (language or around) not in ("", *SPOKEN) or (not language and is_in_none_of(sentence, SPOKEN))


@lru_cache(maxsize=4096)
def reads(sentence: str) -> tuple[bool, bool]:
    """Return whether a sentence claims something by the rules, and whether it is open: no fact in any clause of it."""
    if len(sentence) > _LONGEST:
        return bool(words.ACTING.search(sentence[: 10 * _LONGEST])), False
    bare = words.ASIDE_QUOTES.sub(" “” ", words.ANNOUNCES.sub(" ", sentence))
    bare = words.ASIDE.sub(" ", sentence if len(bare.split()) < 3 else bare)
    bare = words.NO_LONGER.sub("nunmehr ", bare)
    clauses = [clause for clause in map(str.strip, _CLAUSE.split(bare.casefold())) if clause]
    if words.QUESTION.search(sentence) and clauses:
        asked = clauses.pop()  # what is asked; what comes before is said
        if re.search(r"\b(?:that|dass|que)\b", asked) and (
            found := re.search(r"\b(?:(?:i|we|ich|wir|nous)\b|j['’]).*", asked)
        ):
            clauses.append(found[0])
    clauses = [told for clause in clauses for told in words.TOLD.split(clause)]
    opens = [bool(words.CONDITION.search(clause) or words.OPEN.search(clause)) for clause in clauses]
    return any(_claims(clauses, place) for place in range(len(clauses))), all(opens)


def _claims(clauses: Sequence[str], place: int) -> bool:
    clause, before = clauses[place], clauses[place - 1] if place else ""
    said = _JOINED.sub("", clause)
    shared = words.AUXILIARY.match(before) if said != clause else None
    can_be_bare = said == clause or not (shared or words.OPEN.search(before))
    if shared and words.PARTICIPLE.search(said) and not words.OPEN.search(before):
        said = f"{shared[0]} {said}"  # "your bag was found", "and put on the next flight"
    whole = said
    if frame := words.FRAME.search(said):
        told = words.SPEAKER.search(said, frame.end())
        said = said[told.start() :] if told else said[: frame.start()]
    if words.CONDITION.search(said) and not re.search(r"\w+\s+(?:i|we|ich|wir|j['’]ai|nous)\b.*\w", said[6:]):
        return False
    if (place and words.RELATIVE.match(said)) or words.PASSED_ON.search(said):
        return False
    if words.MANAGED.search(said) and not words.DENIED.search(said):
        return True
    strong = [*([words.BARE] if can_be_bare else []), *words.STRONG]
    is_state = not _tells(said, strong)
    if is_state and (
        not _tells(said, words.WEAK)
        or words.LATER.search(said)
        or any(map(words.CONDITION.match, clauses[: place + 2]))
    ):
        return False
    is_framed = words.ACCORDING.search(before) or words.THAT.search(clause)
    is_of_others = words.BY_OTHERS.search(whole) or (is_framed and words.FRAME.search(f"{before}, {whole}"))
    return not is_of_others or words.SPEAKER.search(whole) is not None


def _tells(said: str, patterns: Iterable[re.Pattern[str]]) -> bool:
    """Return True if one is found in a clause as a fact, and not as the reader's doing."""
    for found in (each for pattern in patterns for each in pattern.finditer(said)):
        before = said[: found.start()]
        if words.OPEN.search(said[: found.end()]) or words.DESCRIBES.search(before):
            continue
        if words.OF_OTHERS.search(before):
            is_fact = words.PASSIVE.search(found[0]) is not None
        else:
            is_ours = re.search(r"\b(?:ich|wir|nous)\s*$", before) is not None
            is_fact = is_ours or words.IN_OTHERS.search(found[0]) is None
        if is_fact:
            return True
    return False


def _names_kind(said: str) -> bool:
    starts = tuple(
        start
        for key in kinds.keys()  # noqa: SIM118  (a registry, not a dict)
        for each in (kinds.get(key).claim_words,)
        if each
        for of_language in each.verbs.values()
        for start in of_language
    )
    return any(word.startswith(starts) for word in re.findall(r"\w+", said.casefold()))
