"""Prepared inserts and updates of single rows, for the hottest paths: one for each table and choice of columns."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.models import Model

from core import prepared, rows
from core.prepared import Call, Prepared


def inserting(row: Model) -> Call:
    """Return the INSERT of a new row."""
    return Call(_insertion(type(row)), _of_new(row))


def inserting_unless_there(row: Model) -> Call:
    """Return the INSERT of a new row that is left out where one is in its place already."""
    return Call(_insertion(type(row), after="on conflict do nothing"), _of_new(row))


def _of_new(row: Model) -> dict[str, Any]:
    here = connections[DEFAULT_DB_ALIAS]  # asked for once: the proxy looks it up each time
    found = {
        field.attname: field.get_db_prep_save(field.pre_save(row, add=True), here)
        for field in rows.fields_of(type(row))
    }
    rows.mark_stored(row)
    return found


def changing(model: type[Model], values: Mapping[str, Any], where: Mapping[str, Any]) -> Call:
    """Return the UPDATE of the rows whose columns are as in `where`, both given by column."""
    by_name = _by_name(model)
    found = {name: by_name[name].get_db_prep_save(value, connection) for name, value in values.items()}
    for name, value in where.items():
        found[f"={name}"] = by_name[name].get_db_prep_value(value, connection)
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
