"""Every column has the type in PostgreSQL that its model says, and takes NULL only where the model says so."""

from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Field, GeneratedField, Model

Column = tuple[str, str]
"""A table and a column of it."""
Shape = tuple[str | None, bool]
"""A type as PostgreSQL writes it, None where there is no such column, and whether it takes NULL."""
NONE: Shape = (None, False)
NAMED_APART: dict[Column, Shape] = {
    # Django's own migration makes it before the project's kind of key is known.
    ("auth_group_permissions", "id"): ("bigint", False),
    # Tables of Django and of guardian, whose rows are walled by tenant; their models know no tenant.
    ("django_admin_log", "tenant_id"): ("uuid", False),
    ("guardian_groupobjectpermission", "tenant_id"): ("uuid", False),
    ("guardian_userobjectpermission", "tenant_id"): ("uuid", False),
    # Generated from two columns that are never NULL.
    ("hitl_approvaltext", "words"): ("tsvector", True),
}
"""The columns that differ from their model, each as it is, and why."""

# A domain counts as the type that it is made of: which column has which one is in schema.txt. A partition has its
# columns from its table, and PostgreSQL lets none differ.
COLUMNS = """
select c.relname, a.attname,
  case t.typtype when 'd' then format_type(t.typbasetype, t.typtypmod) else format_type(a.atttypid, a.atttypmod) end,
  not (a.attnotnull or t.typnotnull)
from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_type t on t.oid = a.atttypid
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
  and a.attnum > 0 and not a.attisdropped
"""
WRITTEN = """
select format_type(atttypid, atttypmod) from pg_attribute
where attrelid = 'pg_temp.as_said'::regclass and attnum > 0 order by attnum
"""


def shapes_in_the_database() -> dict[Column, Shape]:
    """Return every column of every table."""
    with connection.cursor() as cursor:
        cursor.execute(COLUMNS)
        return {(table, column): (kind, null) for table, column, kind, null in cursor.fetchall()}


def shapes_of_the_models() -> dict[Column, Shape]:
    """Return every column of every managed model, with its type as PostgreSQL writes it: `varchar(5)` in full."""
    models: list[type[Model]] = [*apps.get_models(include_auto_created=True), MigrationRecorder.Migration]
    fields = [field for model in models if model._meta.managed for field in model._meta.local_concrete_fields]
    kinds = {field: type_of(field) for field in fields}
    said = sorted(set(kinds.values()))
    with connection.cursor() as cursor:
        columns = ", ".join(f"c{number} {kind}" for number, kind in enumerate(said))
        cursor.execute(f"create temporary table as_said ({columns}) on commit drop")
        cursor.execute(WRITTEN)
        written = dict(zip(said, (kind for (kind,) in cursor.fetchall()), strict=True))
    return {(field.model._meta.db_table, field.column): (written[kind], field.null) for field, kind in kinds.items()}


def type_of(field: Field[Any, Any]) -> str:
    """Return the type that a field gives its column."""
    kind = (field.output_field if isinstance(field, GeneratedField) else field).db_type(connection)
    assert kind, f"{field} is concrete and gives its column no type"
    return kind


@pytest.mark.django_db
def test_columns_have_the_types_and_the_nulls_of_their_models() -> None:
    found, said = shapes_in_the_database(), shapes_of_the_models()
    wanted = {**said, **NAMED_APART}
    differences = [
        f"{table}.{column}: {found.get((table, column), NONE)} in the database, not {wanted.get((table, column), NONE)}"
        for table, column in sorted(found.keys() | wanted.keys())
        if found.get((table, column), NONE) != wanted.get((table, column), NONE)
    ]
    differences += [
        f"{name}: as its model says, and no exception" for name in NAMED_APART if said.get(name) == found.get(name)
    ]
    assert not differences, "\n".join(["(type, takes NULL)", *differences])
