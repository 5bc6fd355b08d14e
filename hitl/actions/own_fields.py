"""Custom fields that conditions of workflows can look at: those of the conversation that a request comes from.

The app that has them brings them. They are read once, when a request is opened, and stored and sealed with it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from core import expressions
from core.expressions import FIELD, REQUESTS, BadExpression, Vocabulary

Value = str | Decimal
NUMBERS: Final = "numbers"
TEXTS: Final = "texts"


@dataclass(frozen=True, slots=True)
class FieldSource:
    """What reads custom fields of the tenant in scope, without those that are personal data.

    `kinds` says of each, by the name of its fact, whether it is a number. `values` returns those of a conversation and
    its contact that have a value.
    """

    kinds: Callable[[], Mapping[str, bool]]
    values: Callable[[UUID], Mapping[str, Value]]


_sources: list[FieldSource] = []


def read_with(source: FieldSource) -> None:
    """Set what reads custom fields, when the app is ready."""
    _sources[:] = [source]


def facts_to_store(conversation_id: UUID | None) -> dict[str, dict[str, str]] | None:
    """Return the custom fields of a request's conversation as they are stored with it; None for none. One query."""
    if conversation_id is None or not _sources:
        return None
    found = _sources[0].values(conversation_id)
    numbers = {name: f"{value:f}" for name, value in found.items() if isinstance(value, Decimal)}
    texts = {name: value for name, value in found.items() if isinstance(value, str)}
    return {NUMBERS: numbers, TEXTS: texts} if found else None


def facts_from(stored: Mapping[str, Any] | None) -> dict[str, Value]:
    """Return the facts that are stored with a request; one that isn't there is unknown."""
    known = stored or {}
    numbers = {name: Decimal(value) for name, value in (known.get(NUMBERS) or {}).items()}
    return {**numbers, **(known.get(TEXTS) or {})}


def vocabulary_for(condition: str) -> Vocabulary:
    """Return the facts that a condition can use now. One query for one that seems to look at custom fields."""
    if FIELD not in condition:
        return REQUESTS
    kinds = _sources[0].kinds() if _sources else {}
    numbers = {name for name, is_number in kinds.items() if is_number}
    texts = REQUESTS.texts | (kinds.keys() - numbers)
    return replace(REQUESTS, numbers=REQUESTS.numbers | numbers, texts=texts, takes_fields=False)


def problems_of(conditions: Sequence[str]) -> list[str]:
    """Return why any of these conditions can't be read with the custom fields that there are now. One query at most."""
    vocabulary, found = vocabulary_for(" ".join(conditions)), []
    for text in filter(None, conditions):
        try:
            expressions.parse(text, vocabulary)
        except BadExpression as problem:
            found.append(str(problem))
    return found


def problem_of(condition: str) -> str:
    """Return why a condition can't be read with the custom fields that there are now, or ""."""
    return next(iter(problems_of([condition])), "")
