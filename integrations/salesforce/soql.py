"""Salesforce's query language: what may stand in a query, and what stands in the answer to one."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")
NUMBER: Final = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
"""A record's id."""
ESCAPES: Final = str.maketrans({"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def literal(text: str) -> str:
    """Return a text as it stands in a query."""
    return f"'{text.translate(ESCAPES)}'"


def literals(texts: Iterable[str]) -> str:
    """Return a list of texts as it stands in a query after IN."""
    return f"({', '.join(map(literal, texts))})"


def select(
    fields: Iterable[str], of: str, where: str = "", *, order: Iterable[str] = (), limit: int | None = None
) -> str:
    """Return a query; `where` is made of names and of `literal` and `stamp`, and nothing else.

    Each field is asked for once. Raises ValueError for what can't be the name of one.
    """
    asked = list(dict.fromkeys(fields))
    if not all(NAME.fullmatch(name) for name in asked):
        raise ValueError("that is no name of a field")
    parts = [f"SELECT {', '.join(asked) or 'COUNT()'}", f"FROM {of}"]
    parts += [f"WHERE {where}"] if where else []
    parts += [f"ORDER BY {', '.join(order)}"] if order else []
    parts += [f"LIMIT {limit}"] if limit is not None else []
    return " ".join(parts)


def stamp(moment: datetime) -> str:
    """Return a moment as it stands in a query: in whole seconds, as Salesforce keeps them."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def moment_of(value: Any) -> datetime:
    """Return a moment of an answer. Raises ValueError, TypeError and OverflowError for what isn't one."""
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("a moment without its zone")
    return moment.astimezone(UTC)


def number_of(value: Any) -> str:
    """Return a record's id of an answer. Raises ValueError for anything else."""
    if not isinstance(value, str) or not NUMBER.fullmatch(value):
        raise ValueError("that is no id of a record")
    return value


def numbers_in(body: Any) -> list[str]:
    """Return the ids of the records in the answer to a query. Raises as `number_of`, and KeyError."""
    return [number_of(row["Id"]) for row in body["records"]]
