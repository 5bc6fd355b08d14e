"""Prepared inserts and updates of single rows, for the hottest paths: one for each table and choice of columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from operator import attrgetter
from types import NoneType
from typing import Any, Final, NamedTuple, TypeVar
from uuid import UUID

from django.db import connection, models
from django.db.models import Model
from pydantic_core import to_json

from core import prepared, rows
from core.prepared import Call, Prepared

M = TypeVar("M", bound=Model)

_OWN_TYPES: Final[dict[type, type]] = {
    models.BooleanField: bool,
    models.CharField: str,
    models.DateTimeField: datetime,
    models.DecimalField: Decimal,
    models.ForeignKey: UUID,
    models.IntegerField: int,
    models.PositiveIntegerField: int,
    models.PositiveSmallIntegerField: int,
    models.SmallIntegerField: int,
    models.TextField: str,
    models.UUIDField: UUID,
}
_DOCUMENTS: Final = (dict, list)


class _Column(NamedTuple):
    """A column and the types of which the database takes a value as it is."""

    name: str
    own: tuple[type, ...]
    field: Any
    makes: bool
    """Whether the field makes the value of a new row itself."""

    def stored(self, value: Any) -> Any:
        """Return a value as the database takes it: what is of the column's very type stays as it is."""
        if type(value) in self.own:
            return value
        if type(value) in _DOCUMENTS and type(self.field) is models.JSONField and self.field.encoder is None:
            return to_json(value).decode()
        return self.field.get_db_prep_save(value, connection)


def new(model: type[M], **values: Any) -> M:
    """Return a new row with these values by column, and the model's defaults in all others."""
    constants, makings = _defaults(model)
    made = {name: make() for name, make in makings if name not in values}
    row = rows.filled(model, {**constants, **made, **values})
    if len(vars(row)) != len(constants) + len(makings) + 1:
        raise TypeError(f"{model.__name__} has no such columns: {', '.join(values)}")
    return row


@cache
def _defaults(model: type[Model]) -> tuple[dict[str, Any], list[tuple[str, Callable[[], Any]]]]:
    made = [field for field in rows.fields_of(model) if field.has_default() and callable(field.default)]
    constants = {field.attname: field.get_default() for field in rows.fields_of(model) if field not in made}
    return constants, [(field.attname, field.default) for field in made]


def inserting(row: Model, rare: tuple[str, ...] = ()) -> Call:
    """Return the INSERT of a new row; `rare` columns are part of the statement where all have the model's default."""
    given = () if rare and not _has_defaults(row, rare) else rare
    return Call(_insertion(type(row), given), _of_new(row, given))


def _has_defaults(row: Model, names: tuple[str, ...]) -> bool:
    look, defaults = _usual(type(row), names)
    return bool(look(row) == defaults)


@cache
def _usual(model: type[Model], names: tuple[str, ...]) -> tuple[Callable[[Model], Any], tuple[Any, ...]]:
    by_name = _by_name(model)
    return attrgetter(*names), tuple(by_name[name].field.get_default() for name in names)


def _of_new(row: Model, known: tuple[str, ...]) -> dict[str, Any]:
    found, held = {}, vars(row)
    for column in _columns(type(row), known):
        name, own, field, makes = column
        value = field.pre_save(row, add=True) if makes else held[name]
        found[name] = value if type(value) in own else column.stored(value)
    rows.mark_stored(row)
    return found


def changing(model: type[Model], values: Mapping[str, Any], where: Mapping[str, Any]) -> Call:
    """Return the UPDATE of the rows whose columns are as in `where`, both given by column."""
    by_name = _by_name(model)
    found = {name: by_name[name].stored(value) for name, value in values.items()}
    for name, value in where.items():
        found[f"={name}"] = by_name[name].stored(value)
    return Call(_change(model, tuple(values), tuple(where)), found)


@cache
def _insertion(model: type[Model], known: tuple[str, ...]) -> Prepared:
    fields = rows.fields_of(model)
    types = {field.attname: str(field.db_type(connection)) for field in fields if field.attname not in known}
    mark = prepared.marks(types)
    written = ", ".join(mark.get(field.attname) or rows.default_of(field) for field in fields)
    return prepared.prepared(f"{rows.insertion_into(model)} values ({written})", types)


@cache
def _change(model: type[Model], values: tuple[str, ...], where: tuple[str, ...]) -> Prepared:
    by_name, quoted = _by_name(model), connection.ops.quote_name
    types = {name: str(by_name[name].field.db_type(connection)) for name in values}
    types |= {f"={name}": str(by_name[name].field.db_type(connection)) for name in where}
    mark = prepared.marks(types)
    written = ", ".join(f"{quoted(name)} = {mark[name]}" for name in values)
    tests = " and ".join(f"{quoted(name)} = {mark[f'={name}']}" for name in where)
    return prepared.prepared(f"update {quoted(model._meta.db_table)} set {written} where {tests}", types)


@cache
def _by_name(model: type[Model]) -> dict[str, _Column]:
    return {column.name: column for column in _columns(model)}


@cache
def _columns(model: type[Model], known: tuple[str, ...] = ()) -> tuple[_Column, ...]:
    return tuple(_column(field) for field in rows.fields_of(model) if field.attname not in known)


def _column(field: Any) -> _Column:
    own = _OWN_TYPES.get(type(field))
    if type(field) is models.DateTimeField:
        makes = field.auto_now or field.auto_now_add
    else:
        makes = type(field).pre_save is not models.Field.pre_save
    return _Column(field.attname, (own, NoneType) if own else (), field, makes)
