"""Cuts text into runs of digit groups, leaving out dates, times, decimals and object ids."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

_RUN = re.compile(r"(?<![0-9])(?:\+ ?)?\(?[0-9]++(?:[ ().\-/]{1,3}+[0-9]++)*+")
_SHORTEST_RUN = 7
_LONGEST_OPENING = 3  # a plus, a space and a bracket
_GROUP = re.compile(r"[0-9]+")
_SEPARATOR = re.compile(r"[^0-9]+")
_SINGLE_DIGITS = re.compile(r"(?<![0-9])[0-9](?:[ .\-][0-9](?![0-9])){6,}")
_NOT_A_NUMBER = re.compile(
    r"(?<![0-9A-Za-z])(?:"
    r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{4,18}(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
    r"|(?<![0-9][-/.])(?:19|20)[0-9]{2}[-/.](?:0?[1-9]|1[0-2])[-/.](?:[12][0-9]|3[01]|0?[1-9])(?![-/.][0-9])"
    r"|(?<![0-9][-/.])(?:[12][0-9]|3[01]|0?[1-9])[-/.](?:[12][0-9]|3[01]|0?[1-9])[-/.](?:(?:19|20)[0-9]{2}|[0-9]{2})"
    r"(?![-/.][0-9])"
    r"|[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?"
    r"|(?<![0-9][.])(?<!\+)(?:0|[1-9][0-9]*)\.[0-9]+(?!\.[0-9])"
    r"|[0-9]{1,3}(?:,[0-9]{3})++(?:\.[0-9]+)?"
    r")(?![0-9A-Za-z])"
)


class Group(NamedTuple):
    """Digits that stand together, or single digits spelled one by one, and their place."""

    start: int
    end: int
    digits: str


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring groups of digits with only separators between them."""

    start: int
    end: int
    groups: list[Group]
    glued_left: bool
    glued_right: bool


def find_runs(text: str) -> list[Run]:
    """Return all runs with at least seven digits, from left to right."""
    opaque = _NOT_A_NUMBER.sub(lambda match: "\0" * len(match[0]), text)
    runs = []
    for match in _RUN.finditer(opaque):
        if match.end() - match.start() >= _SHORTEST_RUN:
            groups = _groups(match[0], match.start())
            parts = _split(groups, text) if "/" in match[0] else [groups]
            runs += [
                _run(text, match.start(), part)
                for part in parts
                if (sum(len(group.digits) for group in part) >= _SHORTEST_RUN)
            ]
    return runs


def _split(groups: list[Group], text: str) -> Iterator[list[Group]]:
    """Cut at " / " once a whole number stands before it: "020 7946 0958 / 07700 900123"."""
    first, digits = 0, 0
    for index, group in enumerate(groups):
        if digits >= 9 and text[groups[index - 1].end : group.start].strip() == "/":
            yield groups[first:index]
            first, digits = index, 0
        digits += len(group.digits)
    yield groups[first:]


def _run(text: str, start: int, groups: list[Group]) -> Run:
    if groups[0].start - start > _LONGEST_OPENING:
        start = groups[0].start
    end = groups[-1].end
    before = text[max(0, start - 2) : start]
    glued_left = before[-1:].isalnum() or before[-1:] in ("_", "#") or (before[-1:] == "-" and before[:1].isalnum())
    glued_right = text[end : end + 1].isalnum() or text[end : end + 1] == "_"
    return Run(start, end, groups, glued_left, glued_right)


def _groups(run: str, offset: int) -> list[Group]:
    spelled = {match.start(): match.end() for match in _SINGLE_DIGITS.finditer(run)}
    groups: list[Group] = []
    covered = 0
    for match in _GROUP.finditer(run):
        if match.start() < covered:
            continue
        start, covered = match.span()
        digits = match[0]
        if start in spelled:
            covered = spelled[start]
            digits = _SEPARATOR.sub("", run[start:covered])
        groups.append(Group(offset + start, offset + covered, digits))
    return groups
