"""Read a condition as rows of fact, comparison and value, and write rows as a condition (pure)."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from core import expressions
from core.expressions import BadExpression, Call, Compare, Join, Literal, Name, Node, Not, Vocabulary

NUMBER_SIGNS: Final = (">", ">=", "<", "<=", "==", "!=")
TEXT_SIGNS: Final = ("==", "!=", "in", "not in")
LIST_SIGNS: Final = ("has", "has not")
SIGNS: Final = (*NUMBER_SIGNS, *TEXT_SIGNS[2:], *LIST_SIGNS)
_NUMBER: Final = re.compile(r"\d{1,12}(\.\d{1,6})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison: a fact, or what a call asks, how it is compared, and with which values."""

    fact: str
    sign: str
    values: tuple[str, ...]


def is_number(fact: str, vocabulary: Vocabulary) -> bool:
    """Return True if a fact is a number; calls are."""
    return fact in vocabulary.numbers or fact.partition("(")[0] in vocabulary.calls


def signs_of(fact: str, vocabulary: Vocabulary) -> tuple[str, ...]:
    """Return the comparisons that a fact of its type allows."""
    return NUMBER_SIGNS if is_number(fact, vocabulary) else LIST_SIGNS if fact in vocabulary.lists else TEXT_SIGNS


def text_of(join: str, rows: Iterable[Row], vocabulary: Vocabulary) -> str:
    """Return the condition that rows joined by `and` or `or` stand for, "" for none. Raises BadExpression."""
    text = f" {join} ".join(_written(row, vocabulary) for row in rows)
    if text:
        expressions.parse(text, vocabulary)
    return text


def check(row: Row, vocabulary: Vocabulary) -> None:
    """Raise BadExpression if a row is no comparison."""
    expressions.parse(_written(row, vocabulary), vocabulary)


def rows_of(text: str, vocabulary: Vocabulary) -> tuple[str, list[Row]] | None:
    """Return how a condition's rows are joined, and the rows; None if only a text says it. Raises BadExpression."""
    if not text.strip():
        return "and", []
    node = expressions.parse(text, vocabulary)
    join, parts = (node.word, node.parts) if isinstance(node, Join) else ("and", (node,))
    rows = [_read(part, vocabulary) for part in parts]
    found = [row for row in rows if row is not None]
    return (join, found) if len(found) == len(rows) else None


def _written(row: Row, vocabulary: Vocabulary) -> str:
    if row.sign not in signs_of(row.fact, vocabulary):
        raise BadExpression("This fact can't be compared like this.")
    values = [_value(value, is_number(row.fact, vocabulary)) for value in row.values]
    if not values:
        raise BadExpression("Enter a value.")
    if row.sign in LIST_SIGNS:
        return f"{values[0]} {'in' if row.sign == 'has' else 'not in'} {row.fact}"
    if row.sign in ("in", "not in"):
        return f"{row.fact} {row.sign} ({', '.join(values)})"
    return f"{row.fact} {row.sign} {values[0]}"


def _value(value: str, is_a_number: bool) -> str:
    if is_a_number:
        if not _NUMBER.fullmatch(value):
            raise BadExpression("Enter a number such as 1000 or 0.5.")
        return value
    quote = "'" if '"' in value else '"'
    if not value or quote in value or "\\" in value or len(value) > 80:
        raise BadExpression("Enter a text of up to 80 characters, without both kinds of quotes.")
    return f"{quote}{value}{quote}"


def _read(node: Node, vocabulary: Vocabulary) -> Row | None:
    is_not = isinstance(node, Not)
    compare = node.part if isinstance(node, Not) else node
    if not isinstance(compare, Compare) or (is_not and compare.sign != "in"):
        return None
    left, right = compare.left, compare.right
    if isinstance(left, Literal) and isinstance(right, Name) and compare.sign == "in":
        return Row(right.name, "has not" if is_not else "has", (str(left.value),))
    if isinstance(left, Literal) or not isinstance(right, Literal):
        return None
    fact = str(left) if isinstance(left, Call) else left.name
    sign = f"not {compare.sign}" if is_not else compare.sign
    values: Sequence[Any] = right.value if isinstance(right.value, tuple) else (right.value,)
    row = Row(fact, sign, tuple(f"{value:f}" if isinstance(value, Decimal) else str(value) for value in values))
    return row if sign in signs_of(fact, vocabulary) else None
