"""Prepared inserts and updates of single rows, for the hottest paths: one for each table and choice of columns."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, Final
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connection, connections, models
from django.db.models import Model

from core import prepared, rows
from core.prepared import Call, Prepared

_OWN_TYPES: Final[dict[type, type]] = {
    models.BooleanField: bool,
    models.CharField: str,
    models.DateTimeField: datetime,
    models.ForeignKey: UUID,
    models.IntegerField: int,
    models.PositiveIntegerField: int,
    models.PositiveSmallIntegerField: int,
    models.SmallIntegerField: int,
    models.TextField: str,
    models.UUIDField: UUID,
}


def inserting(row: Model) -> Call:
    """Return the INSERT of a new row."""
    return Call(_insertion(type(row)), _of_new(row))


def inserting_unless_there(row: Model) -> Call:
    """Return the INSERT of a new row that is left out where one is in its place already."""
    return Call(_insertion(type(row), after="on conflict do nothing"), _of_new(row))


def _of_new(row: Model) -> dict[str, Any]:
    found = {field.attname: _stored(field, field.pre_save(row, add=True)) for field in rows.fields_of(type(row))}
    rows.mark_stored(row)
    return found


def _stored(field: Any, value: Any) -> Any:
    """Return a value as the database takes it: what is of the column's very type stays as it is."""
    own = _OWN_TYPES.get(type(field))
    if own is not None and (value is None or type(value) is own):
        return value
    return field.get_db_prep_save(value, connections[DEFAULT_DB_ALIAS])


def changing(model: type[Model], values: Mapping[str, Any], where: Mapping[str, Any]) -> Call:
    """Return the UPDATE of the rows whose columns are as in `where`, both given by column."""
    by_name = _by_name(model)
    found = {name: _stored(by_name[name], value) for name, value in values.items()}
    for name, value in where.items():
        found[f"={name}"] = _stored(by_name[name], value)
    return Call(_change(model, tuple(values), tuple(where)), found)


@cache
def _insertion(model: type[Model], after: str = "") -> Prepared:
    types = {field.attname: str(field.db_type(connection)) for field in rows.fields_of(model)}
    sql = f"{rows.insertion_into(model)} values ({', '.join(prepared.marks(types).values())}) {after}"
    return prepared.prepared(sql, types)


@cache
def _change(model: type[Model], values: tuple[str, ...], where: tuple[str, ...]) -> Prepared:
    by_name, quoted = _by_name(model), connection.ops.quote_name
    types = {name: str(by_name[name].db_type(connection)) for name in values}
    types |= {f"={name}": str(by_name[name].db_type(connection)) for name in where}
    mark = prepared.marks(types)
    written = ", ".join(f"{quoted(name)} = {mark[name]}" for name in values)
    tests = " and ".join(f"{quoted(name)} = {mark[f'={name}']}" for name in where)
    return prepared.prepared(f"update {quoted(model._meta.db_table)} set {written} where {tests}", types)


@cache
def _by_name(model: type[Model]) -> dict[str, Any]:
    return {field.attname: field for field in rows.fields_of(model)}
