"""The parts of a brief as values: what is kept of it, and what its templates draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

from analytics.brief.formats import Words

Tone = Literal["neutral", "accent", "good", "warn", "danger"]
Finding = Mapping[str, str | int]
"""What stands out: a `code`, a `weight` and the words that its sentence needs."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its name."""

    value: str
    label: str
    tone: Tone = "neutral"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a section; `bar` is its share of the longest, in percent (0 draws none)."""

    title: str
    note: str = ""
    value: str = ""
    bar: int = 0
    tone: Tone = "neutral"
    url: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the brief; `sentence` stands where there is nothing, or nothing could be read."""

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

    def kept(self) -> dict[str, Any]:
        """Return what is kept of it, as plain JSON."""
        plain = asdict(self)
        del plain["findings"]
        return plain


@dataclass(frozen=True, slots=True)
class Setting:
    """For what a section is written: the language, the moment and where the console is."""

    words: Words
    now: datetime
    console: str


def share(value: float, most: float) -> int:
    """Return a bar's length in percent: never nothing for something."""
    return 0 if value <= 0 or most <= 0 else max(2, min(100, round(value / most * 100)))


def finding(code: str, weight: int, **facts: str | int) -> Finding:
    """Return one finding."""
    return {"code": code, "weight": weight, **facts}


def counted(code: str, count: int, weight: int, **facts: str | int) -> Finding:
    """Return a finding about a number of things, with a code of its own for one."""
    return finding(f"{code}_one" if count == 1 else code, weight, count=count, **facts)


def shown(rows: Sequence[Row], count: int, most: int, words: Words) -> tuple[tuple[Row, ...], str]:
    """Return the rows that are shown, and a word about the others."""
    rest = count - min(len(rows), most)
    return tuple(rows[:most]), words.say("more", count=words.number(rest)) if rest > 0 else ""
