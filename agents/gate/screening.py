"""What is wrong with the text of an answer: instructions, claims, links, hidden characters (pure)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Literal

from core.privacy.visible_text import is_plain, without_hidden

INSTRUCTIONS: Final = "gate_instructions"
CLAIM: Final = "gate_claim"
NO_LINK: Final = "[link removed]"
RUN_OF_WORDS: Final = 7
"""So many words in a row of a sentence that instructs the agent are no coincidence."""
FEWEST: Final = 5
"""A shorter instruction is a phrase that anybody might use."""
Claimed = Literal["approved", "rejected", "done"]

_WORD: Final = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_SENTENCE: Final = re.compile(r"(?<=[.!?;:])\s+|\n+")
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
_SUBJECT: Final = (
    r"\b(?:it|that|this|they|these|everything|all|budgets?|campaigns?|ads?|titles?|descriptions?|meta|pages?|"
    r"articles?|posts?|drafts?|messages?|newsletters?|requests?|changes?|orders?|bookings?|refunds?|payments?|"
    r"subscriptions?|appointments?|amounts?|discounts?)\b"
)
_BE: Final = r"\b(?:is|are|was|were|been|got|['’]s)\s+"
_DONE_DE: Final = r"(?:erhöht|gesenkt|geändert|pausiert|veröffentlicht|erstattet|storniert)"
_DONE_FR: Final = r"(?:augmentée?s?|réduite?s?|modifiée?s?|publiée?s?|remboursée?s?|annulée?s?)"
_CLAIMS: Final[tuple[tuple[Claimed, re.Pattern[str], bool], ...]] = (
    # (what is claimed, by which words, whether the sentence has to name a thing)
    ("done", re.compile(rf"\bi(?:['’]ve|\s+have)?\s+{_ADVERBS}{_DONE}\b"), False),
    ("done", re.compile(rf"\bwe(?:['’]ve|\s+have)\s+{_ADVERBS}{_DONE}\b"), True),
    ("done", re.compile(rf"\b(?:has|have)\s+{_ADVERBS}been\s+{_ADVERBS}{_DONE}\b"), True),
    ("done", re.compile(rf"{_BE}(?:now|already|just|successfully)\s+{_ADVERBS}{_DONE}\b"), True),
    ("done", re.compile(r"^(?:all\s+)?done\b(?!\s+by)|\b(?:it['’]s|it is|that['’]s|is)\s+(?:all\s+)?done\b"), False),
    ("done", re.compile(rf"\b(?:wurden?|ist|sind)\b[^.,;]*\b{_DONE_DE}\b"), True),
    ("done", re.compile(rf"\b(?:a|ont)\s+été\s+{_DONE_FR}\b"), True),
    ("approved", re.compile(rf"{_BE}{_ADVERBS}(?:approved|authori[sz]ed|signed off)\b"), False),
    ("approved", re.compile(rf"\b(?:i|we)(?:['’]ve|\s+have)?\s+{_ADVERBS}approved\b"), False),
    ("approved", re.compile(r"\bapproval\s+(?:was|is|has been)\s+(?:given|granted)\b"), False),
    ("approved", re.compile(r"\b(?:wurden?|ist|sind)\b[^.,;]*\b(?:genehmigt|freigegeben)\b"), False),
    ("approved", re.compile(r"\ba\s+été\s+approuvée?\b"), False),
    ("rejected", re.compile(rf"{_BE}{_ADVERBS}(?:rejected|declined)\b"), False),
)
_OUR_SENTENCE: Final = re.compile(r"\bthis needs approval:[^\n]*", re.IGNORECASE)
"""What reads as our own sentence about a request, which only the tool that makes one writes."""
_THING: Final = re.compile(
    _SUBJECT + r"|\b(?:anfrage|bestellung|buchung|kampagne|seite|artikel|demande|commande|campagne)\b"
)
_OPEN: Final = re.compile(
    r"\b(?:if|once|until|when|whether|unless|before|as soon as|would|could|should|must|will|can(?:no|')t|cannot|not|"
    r"nothing|no|none|never|neither|nobody|without|wenn|sobald|falls|bis|nicht|si|quand|dès|pas)\b"
)
_KINDS: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile(r"budget|tagesbudget"), "set_campaign_budget"),
    (re.compile(r"paus|stopp"), "pause_campaign"),
    (re.compile(r"publi|veröffentlich"), "publish_content"),
    (re.compile(r"\b(?:title|description|meta)\b"), "update_page_meta"),
)
_TOP: Final = (
    "com|net|org|io|co|de|fr|at|ch|uk|eu|us|info|biz|app|dev|ru|cn|xyz|top|link|click|example|shop|site|online|me|ai|ly"
)
_LINK: Final = re.compile(
    r"\[(?P<label>[^\]\n]*)\]\((?P<target>[^)\s]*)[^)]*\)"
    r"|<?\b(?:[a-z][a-z0-9+.-]{1,15}://|www\.)[^\s<>\"“”]+>?"
    r"|\b(?:mailto|javascript|data|tel):[^\s<>]+"
    rf"|(?<![\w@•.-])(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+(?:{_TOP})\b(?:/[^\s<>\"“”]*)?",
    re.IGNORECASE,
)  # fmt: skip
_MARKUP: Final = re.compile(r"</?(?:a|img|script|iframe|form|input|style|link|svg|object|embed)\b[^>]*>", re.IGNORECASE)


@dataclass(frozen=True)
class Records:
    """What really happened: the states of the named requests, the kinds that were executed in the conversation."""

    states: Mapping[str, str] = field(default_factory=dict)
    own: Collection[str] = ()
    """The requests that were made in the conversation."""
    done: Collection[str] = ()
    approved: bool = False
    rejected: bool = False
    read: str = ""
    """What tools have read in this run, in lower case."""
    links: Collection[str] = ()
    """Addresses that we made."""


@dataclass(frozen=True)
class Verdict:
    """The text that may be sent, and what is wrong with it; a text with a `problem` is not sent at all."""

    text: str
    problem: str = ""
    mended: tuple[str, ...] = ()

    @property
    def is_clean(self) -> bool:
        """Return True if the text was right as it was."""
        return not self.problem and not self.mended


NOTHING: Final = Records()


def screen(text: str, *, prompt: str = "", records: Records = NOTHING) -> Verdict:
    """Return what may be sent of an answer.

    Hidden characters, foreign links and markup are taken out. What repeats the instructions or claims an outcome
    that the records do not show can't be mended by leaving words out: it has a problem.
    """
    mended: list[str] = []
    if not is_plain(text):
        text = without_hidden(text)
        mended.append("hidden")
    kept = _without_links(text, records.links)
    if kept != text:
        text = kept
        mended.append("links")
    problem = INSTRUCTIONS if repeats(text, prompt) else CLAIM if claims_too_much(text, records) else ""
    return Verdict(text, problem, tuple(mended))


def repeats(text: str, prompt: str) -> bool:
    """Return True if the text has a run of words of a sentence by which the prompt instructs the agent."""
    lengths = _instructions(prompt)
    if not lengths:
        return False
    words = _words(text)
    return any(
        tuple(words[place : place + size]) in runs
        for size, runs in lengths.items()
        for place in range(len(words) - size + 1)
    )


def claims_too_much(text: str, records: Records) -> bool:
    """Return True if a sentence claims a request, its decision or an effect that the records do not show."""
    plain = unicodedata.normalize("NFKC", text)
    requests = [references(sentence) for sentence in _OUR_SENTENCE.findall(plain)]
    if not all(named and named <= {*records.own} for named in requests):
        return True
    return any(not _is_shown(claim, sentence, records) for sentence, claim in _claims(plain))


def has_link(text: str) -> bool:
    """Return True if there is anything in the text that a reader could follow."""
    return _LINK.search(text) is not None


def references(text: str) -> set[str]:
    """Return the references of requests that a text names."""
    return {f"BR-{number}" for number in _REFERENCE.findall(unicodedata.normalize("NFKC", text))}


def _claims(text: str) -> Iterator[tuple[str, Claimed]]:
    for sentence in _SENTENCE.split(text):
        folded = sentence.casefold().strip(" -*•“”\"'")
        if not folded or folded.endswith("?"):
            continue
        for clause in re.split(r",|\b(?:but|und|et)\b", folded):
            for claimed, pattern, needs_thing in _CLAIMS:
                if (
                    pattern.search(clause.strip())
                    and not _OPEN.search(clause)
                    and (not needs_thing or _THING.search(folded))
                ):
                    yield folded, claimed


def _is_shown(claimed: Claimed, sentence: str, records: Records) -> bool:
    named = references(sentence)
    if named:
        wanted = {
            "approved": {"approved", "executing", "unknown", "executed", "failed"},
            "rejected": {"rejected"}, "done": {"executed"},
        }[claimed]  # fmt: skip
        return all(records.states.get(reference) in wanted for reference in named)
    if claimed == "approved":
        return records.approved
    if claimed == "rejected":
        return records.rejected
    for state in ("paused", "published"):  # what a campaign or an article is, as a tool has read it
        if state in sentence and state in records.read and not re.search(r"\bi(?:['’]ve|\s+have)?\s", sentence):
            return True
    kinds = {kind for pattern, kind in _KINDS if pattern.search(sentence)}
    return bool(kinds & set(records.done)) if kinds else bool(records.done)


def _without_links(text: str, ours: Collection[str]) -> str:
    def kept(match: re.Match[str]) -> str:
        found = match.group()
        target = match["target"] if match["target"] is not None else found
        ends = ".,;:!?" if "(" in found else ".,;:!?)"
        address = target.strip("<>").rstrip(ends)
        if address in ours or address.rstrip("/") in ours:
            return found
        tail = found[len(found.rstrip(ends)) :] if match["target"] is None else ""
        return f"{match['label']} {NO_LINK}" if match["label"] else f"{NO_LINK}{tail}"

    return _MARKUP.sub("", _LINK.sub(kept, text))


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold().replace("’", "'"))


@lru_cache(maxsize=64)
def _instructions(prompt: str) -> dict[int, frozenset[tuple[str, ...]]]:
    """Return the runs of words that give the instructions away, by their length."""
    found: dict[int, set[tuple[str, ...]]] = {}
    for sentence in _SENTENCE.split(prompt):
        words = _words(sentence)
        if len(words) < FEWEST or not _INSTRUCTS.search(sentence):
            continue
        size = min(RUN_OF_WORDS, len(words))
        runs = found.setdefault(size, set())
        runs.update(tuple(words[place : place + size]) for place in range(len(words) - size + 1))
    return {size: frozenset(runs) for size, runs in found.items()}
