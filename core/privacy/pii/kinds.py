"""Kinds of personal data, and a finding of one: its position in the text."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["email", "phone", "card", "iban", "ip", "url", "national_id"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One piece of personal data: ``text[start:end] == value``."""

    kind: Kind
    start: int
    end: int
    value: str

    def __repr__(self) -> str:
        # The value itself must not reach a traceback or a log line.
        return f"Finding(kind={self.kind!r}, start={self.start}, end={self.end})"
