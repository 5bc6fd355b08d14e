"""Read a condition as rows of fact, comparison and value, and write rows as a condition (pure)."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from core import expressions
from core.expressions import LISTS, NUMBERS, BadExpression, Compare, Join, Literal, Name, Node, Not

NUMBER_SIGNS: Final = (">", ">=", "<", "<=", "==", "!=")
TEXT_SIGNS: Final = ("==", "!=", "in", "not in")
LIST_SIGNS: Final = ("has", "has not")
SIGNS: Final = (*NUMBER_SIGNS, *TEXT_SIGNS[2:], *LIST_SIGNS)
_NUMBER: Final = re.compile(r"\d{1,12}(\.\d{1,6})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison: a fact, how it is compared, and with which values."""

    fact: str
    sign: str
    values: tuple[str, ...]


def signs_of(fact: str) -> tuple[str, ...]:
    """Return the comparisons that a fact of its type allows."""
    return NUMBER_SIGNS if fact in NUMBERS else LIST_SIGNS if fact in LISTS else TEXT_SIGNS


def text_of(join: str, rows: Iterable[Row]) -> str:
    """Return the condition that rows joined by `and` or `or` stand for, "" for none. Raises BadExpression."""
    text = f" {join} ".join(_written(row) for row in rows)
    if text:
        expressions.parse(text)
    return text


def check(row: Row) -> None:
    """Raise BadExpression if a row is no comparison."""
    expressions.parse(_written(row))


def rows_of(text: str) -> tuple[str, list[Row]] | None:
    """Return how a condition's rows are joined, and the rows; None if only a text says it. Raises BadExpression."""
    if not text.strip():
        return "and", []
    node = expressions.parse(text)
    join, parts = (node.word, node.parts) if isinstance(node, Join) else ("and", (node,))
    rows = [_read(part) for part in parts]
    found = [row for row in rows if row is not None]
    return (join, found) if len(found) == len(rows) else None


def _written(row: Row) -> str:
    if row.sign not in signs_of(row.fact):
        raise BadExpression("This fact can't be compared like this.")
    values = [_value(row.fact, value) for value in row.values]
    if not values:
        raise BadExpression("Enter a value.")
    if row.sign in LIST_SIGNS:
        return f"{values[0]} {'in' if row.sign == 'has' else 'not in'} {row.fact}"
    if row.sign in ("in", "not in"):
        return f"{row.fact} {row.sign} ({', '.join(values)})"
    return f"{row.fact} {row.sign} {values[0]}"


def _value(fact: str, value: str) -> str:
    if fact in NUMBERS:
        if not _NUMBER.fullmatch(value):
            raise BadExpression("Enter a number such as 1000 or 0.5.")
        return value
    quote = "'" if '"' in value else '"'
    if not value or quote in value or "\\" in value or len(value) > 80:
        raise BadExpression("Enter a text of up to 80 characters, without both kinds of quotes.")
    return f"{quote}{value}{quote}"


def _read(node: Node) -> Row | None:
    is_not = isinstance(node, Not)
    compare = node.part if isinstance(node, Not) else node
    if not isinstance(compare, Compare) or (is_not and compare.sign != "in"):
        return None
    left, right = compare.left, compare.right
    if isinstance(left, Literal) and isinstance(right, Name) and compare.sign == "in":
        return Row(right.name, "has not" if is_not else "has", (str(left.value),))
    if not (isinstance(left, Name) and isinstance(right, Literal)):
        return None
    sign = f"not {compare.sign}" if is_not else compare.sign
    values: Sequence[Any] = right.value if isinstance(right.value, tuple) else (right.value,)
    row = Row(left.name, sign, tuple(f"{value:f}" if isinstance(value, Decimal) else str(value) for value in values))
    return row if sign in signs_of(left.name) else None
