"""Inserts for the hottest path, made without compiling a query, so that one statement can write several rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import Model


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with its parameters: a whole statement, or an expression inside one."""

    sql: str
    params: Sequence[Any] = ()


def insertion(row: Model, source: str = "", **computed: str) -> Statement:
    """Return the INSERT of a new row.

    With a `source` the row is written once for each row of that table expression (none: not at
    all), and `computed` names columns whose value comes from it.
    """
    table, fields = _shape(type(row))
    marks: list[str] = []
    params: list[Any] = []
    for field in fields:
        if field.attname in computed:
            marks.append(computed[field.attname])
        else:
            marks.append("%s")
            params.append(field.get_db_prep_save(field.pre_save(row, add=True), connection))
    listed = ", ".join(marks)
    return Statement(f"{table} select {listed} from {source}" if source else f"{table} values ({listed})", params)


def mark_stored(row: Model) -> None:
    """Let the ORM know that a row's own statement has put it into the database."""
    row._state.adding, row._state.db = False, connection.alias


@cache
def _shape(model: type[Model]) -> tuple[str, tuple[Any, ...]]:
    fields = tuple(model._meta.local_concrete_fields)
    quoted = connection.ops.quote_name
    columns = ", ".join(quoted(str(field.column)) for field in fields)
    return f"insert into {quoted(model._meta.db_table)} ({columns})", fields
