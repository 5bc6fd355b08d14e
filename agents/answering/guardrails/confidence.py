"""How far an answer rests on what was read for it, from 0 to 100, with named factors (pure).

Never asked of a model: a model that makes things up is as sure of them as of the rest.
"""

import json
import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from agents.llm.ports import ANSWER_TOOL, SEARCH_TOOL, Line, RunOutcome
from core.privacy.pii import mask_numbers

RULES: Final = 2
"""The version of these rules; kept with each confidence, because another version counts otherwise."""
LOW: Final = "low_confidence"
OF_RECORDS: Final = 90
OF_NOTHING: Final = 30
NOT_CITED: Final = -15
NOT_SHOWN: Final = -60
"""A number in an answer from documents that none of them has."""
NOT_IN_RECORDS: Final = -30
"""Less: it may be worked out from those that were read."""
FAILED: Final = -10
MOST_FAILED: Final = -20
MENDED: Final = -10
JUDGED: Final = 75
"""A model judged that one of the sources states the answer."""
NOT_JUDGED: Final = -40
"""A model was asked, and judged that none of them does."""

_NUMBER: Final = re.compile(r"\d{1,3}(?:[’' \u00a0\u202f]\d{3})+(?!\d)(?:[.,]\d+)?|\d+(?:[.,:]\d+)*")
_NO_DECIMALS: Final = re.compile(r"[.,:]0{1,2}$")
_LAST_ZERO: Final = re.compile(r"([.,]\d)0$")
_ID: Final = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)
_MARK: Final = re.compile(r"\[\d{1,3}\]|\bBR[-\s]?\d+\b", re.IGNORECASE)
_OF_A_LIST: Final = re.compile(r"(?m)^\s*\d{1,2}[.)]\s")
_PROMISE: Final = re.compile(
    r"[%€$£¥]|\b(?:free of charge|for free|guarantee[ds]?|refund(?:ed)?|always|never|kostenlos|garantier\w*|immer|"
    r"gratuite?s?|garanti[es]*|toujours|gratis|garantiza\w*|siempre)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Evidence:
    """What one answer can rest on: the coverage of each passage that was read, and the words of everything read."""

    coverage: dict[str, float] = field(default_factory=dict)
    """By the id of the passage: the share of the question that it covers, from 0 to 1."""
    judged: dict[str, bool] = field(default_factory=dict)
    """By the id of the passage: whether it states the answer, where a model was asked."""
    has_searched: bool = False
    has_records: bool = False
    """A tool other than the search has answered."""
    brings_person: bool = False
    failures: int = 0
    numbers: frozenset[str] = frozenset()
    """The numbers in what was read and in what the person wrote."""


@dataclass(frozen=True)
class Confidence:
    """How far an answer rests on what was read, from 0 to 100: the sum of its factors' points."""

    value: int
    factors: tuple[tuple[str, int], ...]

    def as_document(self) -> dict[str, object]:
        """Return the factors as they are stored."""
        return {"rules": RULES, "factors": [{"name": name, "points": points} for name, points in self.factors]}


def read_evidence(lines: Iterable[Line], told: str = "") -> Evidence:
    """Return what the lines of a turn hold: the person's words, masked as all text is here, and results of calls."""
    coverage: dict[str, float] = {}
    judged: dict[str, bool] = {}
    texts = [told]
    searched = records = person = False
    failures = 0
    for line in lines:
        if line.role == "user":
            texts.append(line.text)
        if line.role != "tool" or line.tool_name == ANSWER_TOOL:
            continue
        if "error" in line.result:
            failures += 1
            continue
        shown = dict(line.result)
        if line.tool_name == SEARCH_TOOL:
            shown["passages"] = [{**row, "coverage": ""} for row in shown.get("passages", ())]
        # An id, or the share of words that a search found, is no number that somebody read.
        texts.append(mask_numbers(_ID.sub(" ", json.dumps(shown, ensure_ascii=False, default=str))))
        person = person or "hand_off" in line.result
        if line.tool_name != SEARCH_TOOL:
            records = True
            continue
        searched = True
        for row in line.result.get("passages", ()):
            coverage[str(row["passage"])] = float(row["coverage"])
            if "answers" in row:
                judged[str(row["passage"])] = bool(row["answers"])
    numbers = frozenset(number for text in texts for number in numbers_in(text))
    return Evidence(coverage, judged, searched, records, person, failures, numbers)


def measure(
    text: str, evidence: Evidence, *, cited: Collection[UUID] = (), only_cited: bool = False, is_mended: bool = False
) -> Confidence | None:
    """Return how far a text rests on the evidence; None for one that states nothing to be sure of.

    `cited` are the passages that it names as its sources; with `only_cited` nothing else is measured.
    """
    if evidence.brings_person or not text.strip():
        return None
    unknown = numbers_in(text) - evidence.numbers
    if cited:
        points = _points(max((evidence.coverage.get(str(key), 0.0) for key in cited), default=0.0))
        said = [evidence.judged[str(key)] for key in cited if str(key) in evidence.judged]
        factors = [("coverage", points), *_judged(said, points)]
    elif only_cited:
        return None
    elif evidence.has_records:
        factors = [("records", OF_RECORDS)]
    elif text.rstrip(" )\"'”»").endswith("?"):
        return None  # it only asks
    elif evidence.has_searched:
        factors = [("coverage", _points(max(evidence.coverage.values(), default=0.0))), ("not_cited", NOT_CITED)]
        if not any(evidence.judged.values()):
            factors += _judged(list(evidence.judged.values()), 0)
    elif states_facts(text, evidence):
        factors = [("nothing_read", OF_NOTHING)]
    else:
        return None
    if unknown and not only_cited and factors[0][0] != "nothing_read":
        factors.append(("numbers_not_read", NOT_SHOWN if cited or not evidence.has_records else NOT_IN_RECORDS))
    if evidence.failures:
        factors.append(("failed_calls", max(evidence.failures * FAILED, MOST_FAILED)))
    if is_mended:
        factors.append(("mended", MENDED))
    return _summed(factors)


def numbers_in(text: str) -> set[str]:
    """Return the numbers of a text, each in one spelling.

    "1,299.00", "1.299,00" and "1299" are the same, and so are "4.90" and "4.9", or "10:00" and "10".
    """
    plain = _OF_A_LIST.sub(" ", _MARK.sub(" ", unicodedata.normalize("NFKC", text)))
    short = (_LAST_ZERO.sub(r"\1", _NO_DECIMALS.sub("", match)) for match in _NUMBER.findall(plain))
    return {re.sub(r"\D", "", number).lstrip("0") or "0" for number in short}


def states_facts(text: str, evidence: Evidence) -> bool:
    """Return True if a text names a price, a promise, or a number that nobody told it; "two" and "3" are counting."""
    told = numbers_in(text) - evidence.numbers
    return any(len(number) > 1 for number in told) or _PROMISE.search(text) is not None


class Grounds:
    """What the answer of one turn rests on so far, and how much its agent asks for; `told` are its instructions.

    What our own rules write states only what tools read, and what a flow has read is not known here: of these only
    the sources that they cite are measured.
    """

    def __init__(self, *, least: int, only_cited: bool, told: str = "") -> None:
        self._least, self._only_cited, self._told = least, only_cited, told
        self._lines: list[Line] = []

    def take(self, lines: Iterable[Line]) -> None:
        """Take the words of the conversation, or the results of calls."""
        self._lines += lines

    def heard(self) -> list[str]:
        """Return what people wrote in the conversation."""
        return [line.text for line in self._lines if line.role == "user"]

    def holds(self, text: str) -> bool:
        """Return True if a text that is still being written has to wait: only its end shows what it cites."""
        if self._only_cited or not self._least:
            return False
        return self.is_low(measure(mask_numbers(text), read_evidence(self._lines, self._told)))

    def measure(self, outcome: RunOutcome, *, is_mended: bool = False) -> Confidence | None:
        """Return how far an answer rests on what was read; None where that says nothing, as for a kept answer."""
        if not outcome.rounds:
            return None
        cited = [source.passage_id for source in outcome.sources]
        evidence = read_evidence(self._lines, self._told)
        return measure(
            mask_numbers(outcome.text), evidence, cited=cited, only_cited=self._only_cited, is_mended=is_mended
        )

    def is_low(self, found: Confidence | None) -> bool:
        """Return True if a confidence is below what the agent asks for."""
        return found is not None and found.value < self._least


def _judged(said: list[bool], points: int) -> list[tuple[str, int]]:
    """Return what a model's judgement of the sources adds to the points of what they cover, if one was asked."""
    added = (max(0, JUDGED - points) if any(said) else NOT_JUDGED) if said else 0
    return [("judged", added)] if added else []


def _points(share: float) -> int:
    return max(0, min(100, round(share * 100)))


def _summed(factors: list[tuple[str, int]]) -> Confidence:
    total = sum(points for _, points in factors)
    value = max(0, min(100, total))
    if value != total:
        factors.append(("bounded", value - total))
    return Confidence(value, tuple(factors))
