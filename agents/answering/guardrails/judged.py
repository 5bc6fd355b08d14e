"""Have a model judge doubtful sentences of an answer: it reads the answer's own words and plain values alone.

What a customer or a foreign document says could be an order to the judge, so it is cut where an answer repeats it, and
a judgement that the words of a sentence can't bear counts for nothing.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final
from uuid import UUID

from agents.answering.guardrails import sentences as words
from agents.answering.guardrails.claims import Sentence
from agents.answering.guardrails.screen import CLAIM, Records, Verdict
from agents.answering.runs.redacted import open_vault
from agents.llm.routes import availability, claim_judge
from agents.llm.routes.calls import Place
from agents.llm.routes.candidates import LOCAL
from agents.models import AgentVersion
from agents.privacy import Vault

RUN_OF_WORDS: Final = 6
"""So many words in a row that somebody else wrote are not the model's own."""
FEWEST: Final = 3
"""A sentence of at least so many words that is another's throughout is not the model's own either."""
MOST_FACTS: Final = 60
CUT: Final = "[…]"
_WORD: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]+")
"""A word; signs of scripts that write without spaces are one each."""
_BY_US: Final = re.compile(r"\b(?:i|we|ich|wir|je|nous|hemos)\b|\bj['’]|\bhe \w+[ai]do\b", re.IGNORECASE)


def has_judge(version: AgentVersion) -> bool:
    """Return True if a model is asked what doubtful sentences of a version's answers claim; ours are by rules."""
    return version.model != LOCAL and availability.has_judge() and availability.asks_network(version)


def clear(
    verdict: Verdict,
    records: Records,
    heard: Iterable[str],
    *,
    place: Place,
    conversation_id: UUID | None,
    until: float | None = None,
) -> Verdict:
    """Return a verdict after a judge has read its doubtful sentences and what tools read, without personal data.

    `heard` is what people wrote in the conversation. As it is if nobody could be asked. Not inside a transaction.
    """
    if not verdict.doubtful or verdict.problem not in ("", CLAIM):
        return verdict
    runs = runs_of([*heard, *records.foreign])
    own = [own_words(each.said, runs) for each in verdict.doubtful]
    vault = open_vault(conversation_id, [each.said for each in verdict.doubtful]) if conversation_id else Vault()
    facts = [{key: vault.redact(value) for key, value in row.items()} for row in islice(records.facts, MOST_FACTS)]
    asked = [vault.redact(text) for text in own if text]
    letters = claim_judge.judge(asked, facts=facts, place=place, until=until)
    if letters is None:
        return verdict
    given = iter(letters)
    # Nobody has to read a sentence without a word of the model's own: it was told to say it.
    every = "".join(next(given) if text else claim_judge.CLAIM for text in own)
    return replace(verdict, problem=CLAIM if holds(verdict.doubtful, every) else "")


def holds(sentences: Sequence[Sentence], letters: str) -> bool:
    """Return True if a judge's letters for sentences leave a claim.

    What rules read as one passes for a reason only that its words can bear, and data never shows what we have done.
    """
    return any(
        letter == claim_judge.CLAIM
        or (each.claims and not can_be(letter, each.said))
        or (letter == claim_judge.DATA and words.OF_US.search(each.said.casefold()) is not None)
        for each, letter in zip(sentences, letters, strict=True)
    )


def can_be(letter: str, said: str) -> bool:
    """Return True if a sentence that rules read as a claim may be what a letter says.

    A promise and a condition have words for it, and so has what tells of our own acts and is no claim of them.
    """
    if letter in (claim_judge.OTHER, claim_judge.QUESTION):  # rules don't read the clause that asks
        return False
    no_report = (words.OPEN, words.LATER, words.CONDITION, words.ASIDE_QUOTES)
    if any(pattern.search(said) for pattern in no_report):
        return True
    return letter not in claim_judge.UNCERTAIN and _BY_US.search(said) is None


def own_words(said: str, runs: frozenset[tuple[str, ...]]) -> str:
    """Return a sentence without the runs of words that somebody else wrote; "" if no word is left."""
    found = list(_WORD.finditer(said))
    plain = [match[0].casefold() for match in found]
    if len(plain) >= FEWEST and (*plain, "") in runs:
        return ""
    taken = [False] * len(plain)
    for start in range(len(plain) - RUN_OF_WORDS + 1):
        if tuple(plain[start : start + RUN_OF_WORDS]) in runs:
            taken[start : start + RUN_OF_WORDS] = [True] * RUN_OF_WORDS
    if all(taken):
        return ""
    pieces, end, was_cut = [], 0, False
    for match, is_taken in zip(found, taken, strict=True):
        if not is_taken:
            pieces.append(said[end : match.end()])
        elif not was_cut:
            pieces.append(f"{said[end : match.start()]}{CUT}")
        end, was_cut = match.end(), is_taken
    return "".join([*pieces, said[end:]])


def runs_of(texts: Iterable[str]) -> frozenset[tuple[str, ...]]:
    """Return the runs of words of texts, and their whole sentences, each with an empty word at its end."""
    found: set[tuple[str, ...]] = set()
    for text in texts:
        plain = [match[0].casefold() for match in _WORD.finditer(text)]
        found.update(tuple(plain[at : at + RUN_OF_WORDS]) for at in range(len(plain) - RUN_OF_WORDS + 1))
        for part in re.split(r"[.!?…:;\n\"“”„«»]", text):
            found.add((*(match[0].casefold() for match in _WORD.finditer(part)), ""))
    return frozenset(found)
