"""The parts of a brief as values, stored as JSON and drawn by templates."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from analytics.brief.formats import Words
from integrations.ports import Figure, Finding, Row


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
        return {name: value for name, value in asdict(self).items() if name != "findings"}


@dataclass(frozen=True, slots=True)
class BriefContext:
    """What all sections need: texts of the language, the moment and the console's URL."""

    words: Words
    now: datetime
    console: str


def limit_rows(rows: Sequence[Row], count: int, most: int, words: Words) -> tuple[tuple[Row, ...], str]:
    """Return the first rows, and a text about how many more there are."""
    rest = count - min(len(rows), most)
    return tuple(rows[:most]), words.say("more", count=words.number(rest)) if rest > 0 else ""
