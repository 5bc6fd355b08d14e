"""Who is erased: the ids of what is his, and the words by which he is found elsewhere (pure but for his row)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote_plus
from uuid import UUID

from core.models import Erasure

ERASED: Final = "[erased]"
SHORTEST: Final = 5
"""A shorter name would be found in other words."""


@dataclass(frozen=True, slots=True)
class Person:
    """The person of an erasure; `targets` grows as apps find what is his."""

    erasure: Erasure
    targets: dict[str, list[str]]
    traces: tuple[str, ...]

    def ids(self, kind: str) -> list[UUID]:
        """Return the ids of one kind: contacts, users, conversations, approvals."""
        return [UUID(text) for text in self.targets.get(kind, ())]

    def add(self, kind: str, found: Iterable[UUID]) -> None:
        """Note that these are the person's too."""
        known = dict.fromkeys(self.targets.get(kind, ()))
        self.targets[kind] = list(known | dict.fromkeys(str(key) for key in found))

    def is_named_in(self, value: Any) -> bool:
        """Tell whether a text or document holds the name or an address of the person."""
        return holds(value, self.traces)

    def is_meant_in(self, value: Any) -> bool:
        """Tell the same, also of what names a conversation or approval of the person by its id."""
        ids = [key for kind in ("contacts", "conversations", "approvals") for key in self.targets.get(kind, ())]
        return holds(value, [*self.traces, *ids])

    def without_name(self, text: str) -> str:
        """Return a text in which name and addresses are replaced."""
        for trace in self.traces:
            text = re.sub(re.escape(trace), ERASED, text, flags=re.IGNORECASE)
        return text


def person_of(erasure: Erasure) -> Person:
    """Return the person of an erasure that is not done, in the tenant's scope."""
    targets = {kind: list(keys) for kind, keys in erasure.targets.items()}
    return Person(erasure, targets, tuple(erasure.traces or ()))


def traces_of(values: Iterable[str]) -> list[str]:
    """Return the words to look for: names and addresses in lower case, numbers with and without their plus."""
    found: dict[str, None] = {}
    for value in values:
        word = " ".join(value.lower().split())
        bare = word.removeprefix("+")
        for trace in (word, bare if bare.isdigit() else word):
            if len(trace) >= SHORTEST:
                found[trace] = None
    return sorted(found, key=len, reverse=True)


def holds(value: Any, wanted: Iterable[str]) -> bool:
    """Tell whether a text, form or JSON document holds one of the words, whatever its case."""
    if not value:
        return False
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    lower = text.lower()
    plain = f"{lower}\n{unquote_plus(lower)}" if "%" in lower else lower
    return any(word in plain for word in wanted)
