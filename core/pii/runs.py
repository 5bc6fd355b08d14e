"""Cuts text into runs of digit groups, leaving out dates, times, decimals and object ids."""

import re
from dataclasses import dataclass

_RUN = re.compile(r"(?<![0-9])(?:\+ ?)?\(?[0-9]++(?:[ ().\-/]{1,3}+[0-9]++)*+")
_GROUP = re.compile(r"[0-9]+")
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


@dataclass(frozen=True, slots=True)
class Group:
    """Digits that stand together (or single digits spelled one by one) and their place in the text."""

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
        if len(match[0]) >= 7:
            groups = _groups(match[0], match.start())
            if sum(len(group.digits) for group in groups) >= 7:
                runs.append(_run(text, match, groups))
    return runs


def _run(text: str, match: re.Match[str], groups: list[Group]) -> Run:
    start, end = match.span()
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
        covered = spelled.get(match.start(), match.end())
        digits = re.sub(r"[^0-9]", "", run[match.start() : covered])
        groups.append(Group(offset + match.start(), offset + covered, digits))
    return groups
