"""What is wrong with the text of an answer: instructions, claims, links, hidden characters (pure)."""

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Literal, cast

from agents.answering.guardrails import proof
from agents.answering.guardrails.links import addresses_in, without_links
from agents.llm.ports import NEEDS_APPROVAL
from core.privacy.visible_text import is_plain, without_hidden
from core.text.speech import in_all_languages
from core.text.words import Cut, Fold, words
from integrations import platforms

INSTRUCTIONS: Final = "gate_instructions"
CLAIM: Final = "gate_claim"
RUN_OF_WORDS: Final = 7
"""So many words in a row of a sentence that instructs the agent are no coincidence."""
FEWEST: Final = 5
"""A shorter instruction is a phrase that anybody might use."""
Claimed = Literal["approved", "rejected", "done"]

_SENTENCE: Final = re.compile(r"(?<=[.!?;:])\s+|\n+")
_STATEMENT: Final = re.compile(r"(?<=[.!?;:])(?:\s+|(?=[^\W\d_]{2}))|\n+")
"""Ends of sentences, also where the space was forgotten ("It is done.Shall I go on?")."""
_ASSERTS: Final = re.compile(r"\b(?:i|we)(?:['’]ve|\s+have)\b")
"""What states something even within a question: "Did you see that I've raised it?"."""
_INSTRUCTS: Final = re.compile(
    r"\b(?:you|your|never|always|must|do not|don't|tools?|instructions?|du|dein|sie|niemals|immer|vous|jamais)\b",
    re.IGNORECASE,
)
_REFERENCE: Final = re.compile(r"\bBR[-\s]?(\d{1,18})\b", re.IGNORECASE)
_ADVERBS: Final = r"(?:(?:now|already|just|successfully|also|finally|fully)\s+)*"
_DONE: Final = (
    r"(?:raised|increased|lowered|reduced|decreased|doubled|halved|changed|updated|set|paused|stopped|resumed|"
    r"restarted|published|unpublished|refunded|cancell?ed|booked|rescheduled|deleted|executed|applied|issued|credited)"
)
_BE: Final = r"\b(?:is|are|was|were|been|got|['’]s)\s+"
_DONE_DE: Final = r"(?:erhöht|gesenkt|geändert|pausiert|veröffentlicht|erstattet|storniert)"
_DONE_FR: Final = r"(?:augmentée?s?|réduite?s?|modifiée?s?|publiée?s?|remboursée?s?|annulée?s?)"
_APPROVED: Final = r"(?:approved|authori[sz]ed|signed off)"
_IS_ROMANCE: Final = r"\b(?:ha(?:n)? sido|fue(?:ron)?|están?|è|sono|foi|foram|é)\s+(?:(?:stat[oaie]|ya|già|já)\s+)*"
_DONE_ROMANCE: Final = (
    r"(?:aumentad|reducid|modificad|pausad|publicad|reembolsad|cancelad|reduzid|aumentat|ridott|modificat|pubblicat|"
    r"rimborsat|annullat)(?:[oai]|as|os|e)"
)
_CLAIMS: Final[tuple[tuple[Claimed, re.Pattern[str]], ...]] = (
    # (what is claimed, by which words): a sentence may be about anything, no kind has to have a word for it.
    ("done", re.compile(rf"\bi(?:['’]ve|\s+have)?\s+{_ADVERBS}{_DONE}\b")),
    ("done", re.compile(rf"\bwe(?:['’]ve|\s+have)\s+{_ADVERBS}{_DONE}\b")),
    ("done", re.compile(rf"\b(?:has|have)\s+{_ADVERBS}been\s+{_ADVERBS}{_DONE}\b")),
    ("done", re.compile(rf"{_BE}(?:now|already|just|successfully)\s+{_ADVERBS}{_DONE}\b")),
    ("done", re.compile(r"^(?:all\s+)?done\b(?!\s+by)|\b(?:it['’]s|it is|that['’]s|is)\s+(?:all\s+)?done\b")),
    ("done", re.compile(r"(?<!\bbe )(?<!\bwell )\bdone\s*!+$")),
    ("done", re.compile(rf"\b(?:wurden?|ist|sind)\b[^.,;]{{0,200}}\b{_DONE_DE}\b")),
    ("done", re.compile(rf"\b(?:a|ont)\s+été\s+{_DONE_FR}\b")),
    ("approved", re.compile(rf"{_BE}{_ADVERBS}(?:approved|authori[sz]ed|signed off)\b")),
    ("approved", re.compile(rf"\b(?:i|we)(?:['’]ve|\s+have)?\s+{_ADVERBS}approved\b")),
    ("approved", re.compile(r"\bapproval\s+(?:(?:was|is|has been)\s+)?(?:given|granted|received)\b")),
    ("approved", re.compile(r"\b(?:wurden?|ist|sind)\b[^.,;]{0,200}\b(?:genehmigt|freigegeben)\b")),
    ("approved", re.compile(r"\ba\s+été\s+approuvée?\b")),
    ("approved", re.compile(rf"\b(?:has|have|had)\s+{_ADVERBS}{_APPROVED}\b")),
    (
        "approved",
        re.compile(rf"\b(?:managers?|approvers?|boss|colleagues?|team|they)\s+{_ADVERBS}{_APPROVED}\b"),
    ),
    (
        "approved",
        re.compile(
            r"^(?:approved|genehmigt|freigegeben|approuvée?|aprobad[oa]|approvat[oa]|aprovad[oa]|goedgekeurd)\W*$"
        ),
    ),
    ("approved", re.compile(rf"{_IS_ROMANCE}(?:aprobad|approvat|aprovad)[oaie]s?\b")),
    ("approved", re.compile(r"\b(?:is|zijn|werd|werden)\s+(?:\w+\s+){0,2}goedgekeurd\b")),
    ("done", re.compile(rf"{_IS_ROMANCE}{_DONE_ROMANCE}\b")),
    (
        "done",
        re.compile(
            r"\b(?:is|zijn|werd|werden)\s+(?:\w+\s+){0,2}(?:verhoogd|verlaagd|gewijzigd|gepauzeerd|gepubliceerd|terugbetaald|geannuleerd)\b"
        ),
    ),
    ("done", re.compile(rf"\bich habe\b[^.,;]{{0,200}}\b{_DONE_DE}\b")),
    ("done", re.compile(r"\bj['’]ai\s+(?:\w+\s+)?(?:augmenté|réduit|modifié|publié|remboursé|annulé|approuvé)")),
    ("rejected", re.compile(rf"{_BE}{_ADVERBS}(?:rejected|declined)\b")),
)
_NAMED_STATE: Final = re.compile(
    r"\bbr[-\s]?\d{1,18}\W{0,4}(?:(?:now|already|just)\s+)?"
    r"(?:(?P<approved>approved|authori[sz]ed)|(?P<rejected>rejected|declined)|(?P<done>executed|done))\b"
    r"|\b(?:(?P<approved_it>approved|authori[sz]ed)|(?P<rejected_it>rejected|declined)|(?P<done_it>executed))\s+br[-\s]?\d{1,18}"
)
"""The state of a request beside its reference, however little stands around it."""
_CLAUSE: Final = re.compile(r",(?:\s*(?:and|or|y)\b)?|\b(?:but|und|et)\b", re.IGNORECASE)
_OPEN: Final = re.compile(
    r"\b(?:if|once|until|when|whether|unless|before|as soon as|would|could|should|must|will|can(?:no|')t|cannot|not|"
    r"nothing|no|none|never|neither|nobody|without|se|cuando|hasta|quando|non|finché|não|niet|als|zodra|wenn|sobald|falls|bis|nicht|si|quand|dès|pas)\b"
)
_EFFECT: Final = re.compile(
    rf"\b(?:{_DONE}|{_DONE_DE}|{_DONE_FR}|{_DONE_ROMANCE}|verhoogd|verlaagd|gewijzigd|gepauzeerd|gepubliceerd|terugbetaald|"
    r"geannuleerd|augmenté|réduit|modifié|publié|remboursé|annulé)\b"
)
"""The words of these claims for what was done."""


@dataclass(frozen=True)
class Records:
    """What really happened: the states of the named requests, the kinds that were executed in the conversation."""

    states: Mapping[str, str] = field(default_factory=dict)
    own: Collection[str] = ()
    """The requests that were made in the conversation."""
    done: Collection[str] = ()
    """The kinds of the requests that were executed in the conversation."""
    targets: Mapping[str, Sequence[Collection[str]]] = field(default_factory=dict)
    """By such a kind, for each of its executed requests the words by which its target is called."""
    kinds: Mapping[str, str] = field(default_factory=dict)
    """The kinds of the named requests, by reference."""
    approved: bool = False
    rejected: bool = False
    read: str = ""
    """What tools have read in this run, in lower case."""
    links: Collection[str] = ()
    """Addresses that we made, and the organisation's mailboxes."""


@dataclass(frozen=True)
class Verdict:
    """The text that may be sent, and what is wrong with it; a text with a `problem` is not sent at all."""

    text: str
    problem: str = ""
    mended: tuple[str, ...] = ()


NOTHING: Final = Records()


def screen(text: str, *, prompt: str = "", records: Records = NOTHING) -> Verdict:
    """Return what may be sent of an answer.

    Hidden characters, markup, foreign links and mail addresses are taken out; those that the instructions name are the
    organisation's own. What repeats the instructions or claims an outcome that the records do not show can't be mended
    by leaving words out: it has a problem.
    """
    mended: list[str] = []
    if not is_plain(text):
        text = without_hidden(text)
        mended.append("hidden")
    kept = without_links(text, {*records.links, *addresses_in(prompt)})
    if kept.replace(" ", "") != text.replace(" ", ""):
        mended.append("links")
    text = kept
    problem = INSTRUCTIONS if repeats(text, prompt) else CLAIM if claims_too_much(text, records) else ""
    return Verdict(text, problem, tuple(mended))


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


def claims_too_much(text: str, records: Records) -> bool:
    """Return True if a sentence claims a request, its decision or an effect that the records do not show."""
    plain = unicodedata.normalize("NFKC", text)
    requests = [references(sentence) for sentence in _our_sentence().findall(plain)]
    if not all(named and named <= {*records.own} for named in requests):
        return True
    return any(not _is_shown(claim, sentence, clause, records) for sentence, clause, claim in _claims(plain))


def references(text: str) -> set[str]:
    """Return the references of requests that a text names."""
    return {f"BR-{number}" for number in _REFERENCE.findall(unicodedata.normalize("NFKC", text))}


@lru_cache(maxsize=1)
def _our_sentence() -> re.Pattern[str]:
    """Return what reads as our own sentence about a request, in any language."""
    begins = "|".join(map(re.escape, in_all_languages(NEEDS_APPROVAL)))
    return re.compile(rf"\b(?:{begins})[^\n]*", re.IGNORECASE)


def _claims(text: str) -> Iterator[tuple[str, str, Claimed]]:
    """Yield the sentence, its clause and what that claims."""
    for line in text.casefold().split("\n"):
        for named in _NAMED_STATE.finditer(line):
            claim = str(named.lastgroup).removesuffix("_it")
            if not _OPEN.search(line[: named.start()]) and not line.endswith("?"):
                yield named[0] if references(named[0]) else line, named[0], cast("Claimed", claim)
    heading = ""
    for sentence in _STATEMENT.split(text):
        said = sentence.strip(" -*•“”\"'")
        folded = said.casefold()
        plain = " ".join(proof.ASIDE.sub(" ", said).split())
        clauses = [heading, *_CLAUSE.split(plain)]
        if folded.endswith("?") and not _ASSERTS.search(clauses[-1].casefold()):
            clauses.pop()  # what is asked; what comes before is said
        for place, clause in enumerate(map(str.casefold, clauses[1:]), start=1):
            for claimed, pattern in _CLAIMS:
                if pattern.search(clause.strip()) and not _OPEN.search(clause):
                    yield folded, proof.in_sentence(clauses, place), claimed
        heading = (plain.rstrip(" :;*") or heading) if said.endswith((":", ";")) else ""


def _is_shown(claimed: Claimed, sentence: str, clause: str, records: Records) -> bool:
    if claimed == "done" and not clause:
        return False
    named = references(sentence)
    effects = _EFFECT.findall(clause.casefold())
    if named:
        wanted = {
            "approved": {"approved", "executing", "unknown", "executed", "failed"},
            "rejected": {"rejected"}, "done": {"executed"},
        }[claimed]  # fmt: skip
        if not all(records.states.get(reference) in wanted for reference in named):
            return False
        of = [records.kinds[reference] for reference in named if reference in records.kinds]
        return claimed != "done" or proof.is_of_kind(clause, of, general=effects)
    if claimed == "approved":
        return records.approved or ('"history": [' in records.read and f": {sentence.strip()}" in records.read)
    if claimed == "rejected":
        return records.rejected
    if not re.search(r"\bi(?:['’]ve|\s+have)?\s", sentence) and any(
        said in sentence and read in records.read
        for _, lookup in platforms.lookups()
        for said, read in lookup.says_state.items()
    ):
        return True  # what a thing is, as a tool has read it, and not what anybody did
    known = [(kind, frozenset(words)) for kind, each in records.targets.items() for words in each]
    unknown = [(kind, None) for kind in records.done if kind not in records.targets]
    return proof.is_done(clause, [*known, *unknown], general=effects)


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
