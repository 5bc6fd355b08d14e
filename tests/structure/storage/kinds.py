"""Judges migrations by their kind: what an `expand` one may do while older code runs, what others say."""

import re
from collections.abc import Iterator
from typing import Any, Final

from django.contrib.postgres import operations as of_postgres
from django.db import connection, migrations
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import CharField, CheckConstraint, ForeignKey, ManyToManyField, Value
from django.db.models.fields import NOT_PROVIDED
from django.db.models.functions import Now

from core.upgrades.kinds import KINDS, kind_of, release_of

STATE_ONLY: Final = (migrations.AlterModelOptions, migrations.AlterModelManagers, migrations.AlterModelTableComment)
CONCURRENT: Final = (of_postgres.AddIndexConcurrently, of_postgres.RemoveIndexConcurrently)
SQL: Final = re.compile(
    r"create (table|index concurrently|(constraint )?trigger|(or replace )?function|domain|type)\b"
    r"|alter (function\b|table \S+ enable (always )?trigger\b|table \S+ set \()|grant\b|comment\b"
)
"""How statements begin that add something, or set what no statement of the application notices."""
_BODY: Final = re.compile(r"\$(\w*)\$.*?\$\1\$", re.DOTALL)
_REMARK: Final = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)


def problems(migration: migrations.Migration, before: ProjectState) -> list[str]:
    """Return what a migration may not be, given the models as they are before it."""
    kind = kind_of(migration)
    if "kind" not in vars(type(migration)) or kind not in KINDS:
        return [f"declares no kind: one of {', '.join(KINDS)}"]
    if kind == "expand":
        return list(_of_expand(migration, before.clone()))
    found = [] if re.fullmatch(r"\d+\.\d+\.\d+", release_of(migration)) else ["has no `release`, such as 0.4.0"]
    return [*found, *_of_backfill(migration)] if kind == "backfill" else found


def _of_backfill(migration: migrations.Migration) -> Iterator[str]:
    if migration.operations:
        yield "a backfill has no operations: rows are filled in batches while the site runs"
    for name in ("model", "undone", "fill"):
        if not hasattr(migration, name):
            yield f"has no `{name}`"


def _of_expand(migration: migrations.Migration, state: ProjectState) -> Iterator[str]:
    if not migration.atomic and (len(migration.operations) != 1 or not isinstance(migration.operations[0], CONCURRENT)):
        yield "isn't atomic, so it holds one index alone: what a kill leaves of it has to be one thing"
    made: set[str] = set()
    for operation in _flat(migration.operations):
        yield from (f"{operation.describe()}: {why}" for why in _of_operation(operation, migration, state, made))
        if isinstance(operation, migrations.CreateModel):
            made.add(operation.name_lower)
        operation.state_forwards(migration.app_label, state)


def _flat(operations: Any) -> Iterator[Operation]:
    """Yield what changes the database; what changes only the state is no concern of the older version."""
    for operation in operations:
        if isinstance(operation, migrations.SeparateDatabaseAndState):
            yield from _flat(operation.database_operations)
        else:
            yield operation


def _of_operation(
    operation: Operation, migration: migrations.Migration, state: ProjectState, made: set[str]
) -> Iterator[str]:
    """Yield why the running older version, or those who use the table, would not survive an operation."""
    about = str(getattr(operation, "model_name_lower", getattr(operation, "model_name", ""))).lower()
    match operation:
        case migrations.CreateModel() | of_postgres.AddConstraintNotValid():
            return
        case _ if isinstance(operation, (*STATE_ONLY, of_postgres.AddIndexConcurrently)):
            return
        case migrations.RunSQL():
            yield from _of_sql(operation.sql)
        case _ if about in made and isinstance(
            operation, migrations.AddField | migrations.AddIndex | migrations.AddConstraint | migrations.AlterField
        ):
            return
        case migrations.AddField():
            yield from _of_new_field(operation.field)
        case migrations.AlterField():
            old = state.models[migration.app_label, about].fields[operation.name]
            yield from _of_changed_field(old, operation.field)
        case migrations.AddIndex():
            yield "blocks writes while it is built; AddIndexConcurrently, alone and with atomic = False, doesn't"
        case migrations.AddConstraint():
            is_check = isinstance(operation.constraint, CheckConstraint)
            yield "AddConstraintNotValid, validated by a contract one" if is_check else "tightens: that is contract"
        case migrations.RunPython():
            yield "rows are filled by a backfill"
        case _:
            yield "drops, renames or tightens: that is contract"


def _of_new_field(field: Any) -> Iterator[str]:
    if isinstance(field, ManyToManyField):
        return
    default = field.db_default
    if not field.null and default is NOT_PROVIDED:
        yield "the older version writes no value: let it be null, or give it a db_default"
    is_plain = not hasattr(default, "resolve_expression") or isinstance(default, Value | Now)
    if default is not NOT_PROVIDED and not is_plain:
        yield "its db_default is another one for each row, which rewrites the table"
    if field.unique or field.db_index:
        more = " (db_index=False)" if isinstance(field, ForeignKey) else ""
        yield f"its index is built while nobody can write: add it apart, concurrently{more}"
    # A key has the type of what it leads to, which has no check.
    if isinstance(field, ForeignKey):
        return
    field = field.clone()
    field.set_attributes_from_name("more")  # a check names its column
    if field.db_check(connection) or (field.db_type(connection) or "").startswith("walker_"):
        yield "all rows are read or written for its check, while nobody can use the table: add that NOT VALID"


def _of_changed_field(old: Any, new: Any) -> Iterator[str]:
    """Yield what a changed field changes in the database, beside a longer text, an allowed null and a new default."""
    editor: Any = connection.schema_editor()
    old, new = old.clone(), new.clone()
    for field in (old, new):
        field.set_attributes_from_name("one")
    if isinstance(old, CharField) and type(old) is type(new) and (new.max_length or 0) >= (old.max_length or 0):
        old.max_length = new.max_length
    if new.null:
        old.null = True
    if old.db_default is NOT_PROVIDED:
        old.db_default = new.db_default
    are_keys = isinstance(old, ForeignKey) and isinstance(new, ForeignKey)
    if are_keys:
        if (old.remote_field.model, old.db_constraint, old.db_index) != (
            new.remote_field.model, new.db_constraint, new.db_index,
        ):  # fmt: skip
            yield "changes the column"
        return
    if editor._field_should_be_altered(old, new):
        yield "changes the column: add another one, fill it, and drop this one later"


def _of_sql(sql: Any) -> Iterator[str]:
    texts = [sql] if isinstance(sql, str) else [one if isinstance(one, str) else one[0] for one in sql]
    for text in texts:
        plain = _REMARK.sub("", _BODY.sub("''", text))
        for statement in filter(None, (" ".join(part.split()) for part in plain.split(";"))):
            if not SQL.match(statement.lower()):
                yield f"“{statement[:60]}” isn't one of the statements that only add"
