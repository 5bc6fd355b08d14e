"""Rows written and read without compiling a query, for the hottest paths: one statement can hold several."""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Final, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import JSONField, Model
from django.db.models.base import ModelState
from psycopg import sql
from pydantic_core import from_json

M = TypeVar("M", bound=Model)
ALL: Final[frozenset[str]] = frozenset()
"""Of a choice of columns: none is left out."""


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
    listed = ", ".join(columns[field.attname] if field.attname in columns else default_of(field) for field in fields)
    return f"{table} select {listed} from {source}"


def selection(model: type[Model], *more: str, only: frozenset[str] = ALL) -> str:
    """Return the beginning of a SELECT whose rows `loaded` understands, without the columns of `more` at their end."""
    quoted = connection.ops.quote_name
    table = quoted(model._meta.db_table)
    columns = [f"{table}.{quoted(str(field.column))}" for field in _chosen(model, only)]
    return f"select {', '.join([*columns, *more])} from {table}"


def loaded(model: type[M], values: Sequence[Any], only: frozenset[str] = ALL) -> M:
    """Return the row of a `selection` as the ORM would: columns that were left out are deferred."""
    found = list(values)
    names, converters = _reading(model, only)
    for place, convert in converters:
        found[place] = convert(found[place])
    row = filled(model, dict(zip(names, found, strict=True)))
    mark_stored(row)
    return row


def filled(model: type[M], values: Mapping[str, Any]) -> M:
    """Return a row with these values by column, which are all it has: as the model's __init__ would, but at once."""
    row = model.__new__(model)
    vars(row).update(values, _state=ModelState())
    return row


def _chosen(model: type[Model], only: frozenset[str]) -> list[Any]:
    return [field for field in fields_of(model) if not only or field.attname in only]


@cache
def _reading(model: type[Model], only: frozenset[str]) -> tuple[list[str], list[tuple[int, Callable[[Any], Any]]]]:
    fields = _chosen(model, only)
    converters = [(place, convert) for place, field in enumerate(fields) for convert in _converters(field)]
    return [field.attname for field in fields], converters


def _converters(field: Any) -> list[Callable[[Any], Any]]:
    if type(field) is JSONField and field.decoder is None:
        return [lambda value: None if value is None else from_json(value)]
    return [partial(_converted, convert) for convert in field.get_db_converters(connection)]


def _converted(convert: Callable[..., Any], value: Any) -> Any:
    return convert(value, None, connection)


def stored_values(row: Model, names: Container[str]) -> dict[str, Any]:
    """Return a row's values by column as the database takes them, for the columns named."""
    _, fields = _shape(type(row))
    return {
        field.attname: field.get_db_prep_save(getattr(row, field.attname), connection)
        for field in fields
        if field.attname in names
    }


def default_of(field: Any) -> str:
    """Return a column's default as it stands in SQL: a plain value or an empty document."""
    if field.has_default() and callable(field.default) and field.default not in (list, dict):
        raise ValueError(f"{field} needs a value of its own")
    value = field.get_db_prep_save(field.get_default(), connection)
    return sql.Literal(value).as_string(None)


def mark_stored(row: Model) -> None:
    """Let the ORM know that a row's own statement has put it into the database."""
    row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS


def fields_of(model: type[Model]) -> tuple[Any, ...]:
    """Return the fields that are columns of the model's table, in their order."""
    return _shape(model)[1]


def insertion_into(model: type[Model]) -> str:
    """Return the beginning of an INSERT that names all columns in the order of `fields_of`."""
    return _shape(model)[0]


@cache
def _shape(model: type[Model]) -> tuple[str, tuple[Any, ...]]:
    fields = tuple(model._meta.local_concrete_fields)
    quoted = connection.ops.quote_name
    columns = ", ".join(quoted(str(field.column)) for field in fields)
    return f"insert into {quoted(model._meta.db_table)} ({columns})", fields
