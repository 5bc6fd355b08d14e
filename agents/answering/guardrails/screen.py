"""What is wrong with the text of an answer: instructions, claims, links, hidden characters (pure)."""

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from agents.answering.guardrails.claims import Sentence, candidates
from agents.answering.guardrails.links import addresses_in, without_links
from agents.answering.guardrails.proof import Request, is_shown, telling_words
from agents.answering.guardrails.sentences import ACTING, OF_US
from agents.llm.ports import NEEDS_APPROVAL
from core.privacy.visible_text import is_plain, without_hidden
from core.text.speech import in_all_languages
from core.text.words import Cut, Fold, words
from integrations import platforms

INSTRUCTIONS: Final = "gate_instructions"
CLAIM: Final = "gate_claim"
_NOT_SO: Final = re.compile(
    r"\b(?:not|never|without|reject\w*|declin\w*|denied|fail\w*|pending|wait\w*|nicht|kein\w*|abgelehnt|fehlgeschlagen|"
    r"pas|refus\w*|échou\w*|rechazad\w*|fallid\w*)\b"
)
"""What keeps a row that a tool has read from showing that something was done."""
RUN_OF_WORDS: Final = 7
"""So many words in a row of a sentence that instructs the agent are no coincidence."""
FEWEST: Final = 5
"""A shorter instruction is a phrase that anybody might use."""
LONG_ENOUGH: Final = 24
"""Letters of a sentence in a language without rules from which on a document shows that it is quoted."""
_SENTENCE: Final = re.compile(r"(?<=[.!?;:])\s+|\n+")
_INSTRUCTS: Final = re.compile(
    r"\b(?:you|your|never|always|must|do not|don't|tools?|instructions?|du|dein|sie|niemals|immer|vous|jamais)\b",
    re.IGNORECASE,
)
_BEGINS: Final = r"(?:(?m:^)|(?<=[.!?…])|(?<=[.!?…]\s))"
"""Where a sentence may begin: the same words within another one are not it."""
_REFERENCE: Final = re.compile(r"\bBR[-\s]?(\d{1,18})\b", re.IGNORECASE)


@dataclass(frozen=True)
class Records:
    """What really happened: the requests of the conversation and those that the text names."""

    requests: Sequence[Request] = ()
    sentences: Mapping[str, str] = field(default_factory=dict)
    """By the reference of an own request, our own sentence about where it stands."""
    read: str = ""
    """What tools have read in this run, in lower case."""
    ours: Collection[str] = ()
    """Our own sentences about requests that tools have returned in this run."""
    documents: Collection[str] = ()
    """The sentences that it has read in documents that the organisation wrote itself: an answer may quote them."""
    foreign: Collection[str] = ()
    """Those in documents that others wrote."""
    rows: Sequence[str] = ()
    """The rows of what reading tools have read, each with the names of all fields, in lower case."""
    links: Collection[str] = ()
    """Addresses that we made, and the organisation's mailboxes."""
    history: str = ""
    """What tools have told of requests' histories, in lower case: an answer may repeat it."""
    facts: Sequence[Mapping[str, str]] = ()
    """Of the rows the values that can be no text of anybody, by their fields: what a judge may read."""


@dataclass(frozen=True)
class Verdict:
    """The text that may be sent, and what is wrong with it; a text with a `problem` is not sent at all."""

    text: str
    problem: str = ""
    mended: tuple[str, ...] = ()
    doubtful: tuple[Sentence, ...] = ()
    """Sentences that may claim what no record shows: a judge clears them or not. A problem without any stays."""


NOTHING: Final = Records()


def screen(
    text: str,
    *,
    prompt: str = "",
    records: Records = NOTHING,
    is_ours: bool = False,
    acts: bool = False,
    talk: str = "",
) -> Verdict:
    """Return what may be sent of an answer.

    Hidden characters, markup, foreign links and mail addresses are taken out; those that the instructions name are the
    organisation's own. Our own sentence takes the place of what a model claims of a request that it names. What repeats
    the instructions or claims an outcome that the records do not show can't be mended by leaving words out: it has a
    problem. Of a text that our own rules wrote (`is_ours`) only what it quotes of others' documents may claim anything.
    Of an agent that `acts` no sentence passes in a language for which there are no rules, unless it is quoted; `talk`
    is the conversation's language, for a text that tells none.
    """
    mended: list[str] = []
    if not is_plain(text):
        text = without_hidden(text)
        mended.append("hidden")
    kept = without_links(text, {*records.links, *addresses_in(prompt)})
    if kept.replace(" ", "") != text.replace(" ", ""):
        mended.append("links")
    text = told = kept
    doubtful = []
    for each in unproven(text, records, talk):
        if is_ours and each.text not in records.foreign:
            continue
        named = references(each.text)
        place = re.search(_BEGINS + re.escape(each.text), told)
        if each.is_held(acts=acts) and named and named <= records.sentences.keys() and place:
            ours = " ".join(records.sentences[name] for name in sorted(named))
            told = f"{told[: place.start()]}{ours}{told[place.end() :]}"
        else:
            doubtful.append(each)
    if told != text:
        mended.append("outcomes")
    if repeats(text, prompt):
        return Verdict(text, INSTRUCTIONS, tuple(mended))
    # Each sentence that reads as our own one about a request has to be about one of the conversation.
    own = {each.reference for each in records.requests if each.is_own}
    like_ours = (references(sentence) for sentence in _our_sentence().findall(unicodedata.normalize("NFKC", text)))
    if not all(named and named <= own for named in like_ours):
        return Verdict(told, CLAIM, tuple(mended))
    problem = CLAIM if any(each.is_held(acts=acts) for each in doubtful) else ""
    return Verdict(told, problem, tuple(mended), tuple(doubtful))


def repeats(text: str, prompt: str) -> bool:
    """Return True if the text has a run of words of a sentence by which the prompt instructs the agent."""
    lengths = _instructions(prompt)
    if not lengths:
        return False
    said = words_of(text)
    return any(
        tuple(said[place : place + size]) in runs
        for size, runs in lengths.items()
        for place in range(len(said) - size + 1)
    )


def unproven(text: str, records: Records, talk: str = "") -> list[Sentence]:
    """Return the sentences that may claim an effect or a decision, as far as no record shows it."""
    for ours in records.ours:
        text = text.replace(ours, "\n")
    found = candidates(text, talk)
    # One that is short stands in too many documents to prove anything, unless the others are quoted as well.
    unread = {_bare(each.text) for each in found if each.is_unread}
    is_quoted = any(len(said) >= LONG_ENOUGH for said in unread) and unread <= set(map(_bare, records.documents))
    return [
        each
        for each in found
        if not (
            (len(each.text.split()) >= FEWEST and each.text in records.documents)
            or (is_quoted and each.is_unread and not each.claims)
            # What rules can't read names no request by words that they know.
            or ((each.claims or not each.is_unread) and is_shown(each.said, references(each.said), records.requests))
            or each.text.strip(" -*•").casefold() in records.history
            or _is_read(each.said, records)
        )
    ]


def _bare(said: str) -> str:
    """Return a sentence without what only marks a list."""
    return unicodedata.normalize("NFKC", said).strip(" -*•¡\t")


def _is_read(said: str, records: Records) -> bool:
    """Return True for what a thing is, as a tool has read it, and not what anybody of us did."""
    folded = said.casefold()
    if OF_US.search(folded):
        return False
    if any(
        words in folded and state in records.read
        for _, lookup in platforms.lookups()
        for words, state in lookup.says_state.items()
    ):
        return True
    telling = telling_words(said)
    stems = [word if word.isdigit() else word[: max(4, len(word) - 3)] for word in telling]
    return ACTING.search(" ".join(telling)) is not None and any(
        all(stem in row for stem in stems) and not _NOT_SO.search(row) for row in map(str.casefold, records.rows)
    )


def references(text: str) -> set[str]:
    """Return the references of requests that a text names."""
    return {f"BR-{number}" for number in _REFERENCE.findall(unicodedata.normalize("NFKC", text))}


@lru_cache(maxsize=1)
def _our_sentence() -> re.Pattern[str]:
    """Return what reads as our own sentence about a request, in any language."""
    begins = "|".join(map(re.escape, in_all_languages(NEEDS_APPROVAL)))
    return re.compile(rf"\b(?:{begins})[^\n]*", re.IGNORECASE)


def words_of(text: str) -> list[str]:
    """Return the words of a text as they are compared with the instructions."""
    return words(text, cut=Cut.APOSTROPHE, fold=Fold.WIDTH)


@lru_cache(maxsize=64)
def _instructions(prompt: str) -> dict[int, frozenset[tuple[str, ...]]]:
    """Return the runs of words that give the instructions away, by their length."""
    found: dict[int, set[tuple[str, ...]]] = {}
    for sentence in _SENTENCE.split(prompt):
        said = words_of(sentence)
        if len(said) < FEWEST or not _INSTRUCTS.search(sentence):
            continue
        size = min(RUN_OF_WORDS, len(said))
        runs = found.setdefault(size, set())
        runs.update(tuple(said[place : place + size]) for place in range(len(said) - size + 1))
    return {size: frozenset(runs) for size, runs in found.items()}
