"""How hard a question is, from 0 to 100 with named factors, by which a light or a strong model is chosen (pure)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from agents.llm.ports import Line, ToolSpec

THRESHOLD: Final = 40
"""From here on a strong model is asked."""
MOST: Final = 100
_NUMBER: Final = re.compile(r"\d+(?:[.,]\d+)*")
_LETTER: Final = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, slots=True)
class Complexity:
    """The points and where they come from."""

    points: int
    factors: Mapping[str, int]

    @property
    def is_hard(self) -> bool:
        """Return True if a strong model is worth its price."""
        return self.points >= THRESHOLD


def assess(lines: Sequence[Line], tools: Sequence[ToolSpec], *, failed_before: bool = False) -> Complexity:
    """Return how hard the newest question is. The same lines, tools and history always give the same points."""
    asked = _newest(lines)
    turns = sum(line.role == "user" for line in lines)
    letters = _LETTER.findall(asked)
    foreign = sum(not letter.isascii() for letter in letters)
    factors = {
        "length": min(20, len(asked) // 40),
        "several_questions": min(20, 10 * max(0, asked.count("?") - 1)),
        "acting_tool_offered": 15 if any(tool.acting for tool in tools) else 0,
        "numbers": min(15, 5 * len(set(_NUMBER.findall(asked)))),
        "language": 10 if letters and foreign * 20 > len(letters) else 0,
        "prior_failure": MOST if failed_before else 0,
        "unresolved_turns": min(20, 5 * max(0, turns - 2)),
    }
    return Complexity(min(MOST, sum(factors.values())), {name: points for name, points in factors.items() if points})


def _newest(lines: Sequence[Line]) -> str:
    """Return what the customer wrote since the last answer."""
    found: list[str] = []
    for line in reversed(lines):
        if line.role == "assistant" and found:
            break
        if line.role == "user":
            found.append(line.text)
    return "\n".join(reversed(found))
