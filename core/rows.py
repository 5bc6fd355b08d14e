"""Inserts for the hottest path, made without compiling a query, so that one statement can write several rows."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import Model
from psycopg import sql


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with its parameters: a whole statement, or an expression inside one."""

    sql: str
    params: Sequence[Any] = ()


def insertion(row: Model, **computed: str) -> Statement:
    """Return the INSERT of a new row; `computed` names columns with an expression instead of the row's value."""
    table, fields = _shape(type(row))
    params = [
        field.get_db_prep_save(field.pre_save(row, add=True), connection)
        for field in fields
        if field.attname not in computed
    ]
    marks = ", ".join(computed.get(field.attname, "%s") for field in fields)
    return Statement(f"{table} select {marks} from head" if computed else f"{table} values ({marks})", params)


def insertion_from(model: type[Model], source: str, columns: Mapping[str, str]) -> str:
    """Return the INSERT of one new row for each row of a table expression.

    `columns` gives an expression by column; all others take the model's default, which must be a
    plain value or an empty document: what is new in each row has to be named.
    """
    table, fields = _shape(model)
    listed = ", ".join(columns[field.attname] if field.attname in columns else _default(field) for field in fields)
    return f"{table} select {listed} from {source}"


def stored_values(row: Model, names: Container[str]) -> dict[str, Any]:
    """Return a row's values by column as the database takes them, for the columns named."""
    _, fields = _shape(type(row))
    return {
        field.attname: field.get_db_prep_save(getattr(row, field.attname), connection)
        for field in fields
        if field.attname in names
    }


def _default(field: Any) -> str:
    if field.has_default() and callable(field.default) and field.default not in (list, dict):
        raise ValueError(f"{field} needs a value of its own")
    value = field.get_db_prep_save(field.get_default(), connection)
    return sql.Literal(value).as_string(None)


def mark_stored(row: Model) -> None:
    """Let the ORM know that a row's own statement has put it into the database."""
    row._state.adding, row._state.db = False, connection.alias


@cache
def _shape(model: type[Model]) -> tuple[str, tuple[Any, ...]]:
    fields = tuple(model._meta.local_concrete_fields)
    quoted = connection.ops.quote_name
    columns = ", ".join(quoted(str(field.column)) for field in fields)
    return f"insert into {quoted(model._meta.db_table)} ({columns})", fields
