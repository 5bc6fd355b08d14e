"""The parts of a brief as values, stored as JSON and drawn by templates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

from analytics.brief.formats import Words

Tone = Literal["neutral", "accent", "good", "warn", "danger"]
Finding = Mapping[str, str | int]
"""Something that stands out: a `code`, a `weight` and the facts for its sentence."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its label."""

    value: str
    label: str
    tone: Tone = "neutral"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a section.

    `bar` is its length in percent (0 draws none). `decide` is the id of an approval that the line has buttons for.
    """

    title: str
    note: str = ""
    value: str = ""
    bar: int = 0
    tone: Tone = "neutral"
    url: str = ""
    decide: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the brief; `sentence` replaces figures and rows if there are none."""

    key: str
    title: str
    figures: tuple[Figure, ...] = ()
    rows: tuple[Row, ...] = ()
    more: str = ""
    sentence: str = ""
    trouble: str = ""
    button: str = ""
    url: str = ""
    findings: tuple[Finding, ...] = field(default=(), repr=False)

    def as_json(self) -> dict[str, Any]:
        """Return the section as plain JSON, without findings."""
        plain = asdict(self)
        del plain["findings"]
        return plain


@dataclass(frozen=True, slots=True)
class BriefContext:
    """What all sections need: texts of the language, the moment and the console's URL."""

    words: Words
    now: datetime
    console: str


def share(value: float, most: float) -> int:
    """Return a bar's length in percent: at least 2 for a positive value."""
    return 0 if value <= 0 or most <= 0 else max(2, min(100, round(value / most * 100)))


def finding(code: str, weight: int, **facts: str | int) -> Finding:
    """Return a finding."""
    return {"code": code, "weight": weight, **facts}


def counted(code: str, count: int, weight: int, **facts: str | int) -> Finding:
    """Return a finding about a number of things, with its own code for one."""
    return finding(f"{code}_one" if count == 1 else code, weight, count=count, **facts)


def limit_rows(rows: Sequence[Row], count: int, most: int, words: Words) -> tuple[tuple[Row, ...], str]:
    """Return the first rows, and a text about how many more there are."""
    rest = count - min(len(rows), most)
    return tuple(rows[:most]), words.say("more", count=words.number(rest)) if rest > 0 else ""
