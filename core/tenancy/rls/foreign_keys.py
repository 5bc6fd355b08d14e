"""Composite foreign keys: a row can only refer to rows of its own tenant."""

import hashlib
from collections.abc import Iterator
from typing import Any, Final, TypeGuard

from django.db import models

from core.tenancy.models import TenantModel

# These rows are written together with the head that numbers them, with the row that they announce, or of one, so their
# tenant exists.
TELLING: Final = frozenset({"core.AuditEntry", "core.Outbox", "core.StreamEvent", "analytics.StoredEvent"})


def statements(model: type[models.Model]) -> Iterator[str]:
    """Yield the statements for the keys of one table. Tables without tenants have none."""
    if not issubclass(model, TenantModel):
        return
    table = model._meta.db_table
    parents = [field for field in model._meta.local_fields if _refers_to_tenant_model(field)]
    if all(field.null for field in parents) and model._meta.label not in TELLING:
        yield from _foreign_key(table, "tenant", "foreign key (tenant_id) references accounts_tenant (id)")
    else:
        # A row with a required parent, or about another row, needs no check of its own: its tenant exists.
        yield f'alter table "{table}" drop constraint if exists "{_constraint_name(table, "tenant")}"'
    for field in parents:
        parent_table = field.related_model._meta.db_table
        yield _constraint(parent_table, "key", "unique (tenant_id, id)")
        yield from _foreign_key(
            table,
            field.column,
            f'foreign key (tenant_id, "{field.column}") references "{parent_table}" (tenant_id, id) '
            "deferrable initially immediate",
        )
        yield _check_at_once(table, _constraint_name(table, field.column))
        yield _drop_single_reference(table, field.column)


def _foreign_key(table: str, what: str, definition: str) -> Iterator[str]:
    """Add a key in two steps: the rows that are there are read in the second, and others write meanwhile."""
    yield _constraint(table, what, f"{definition} not valid")
    name = _constraint_name(table, what)
    yield f"""
    do $$ begin
      if exists (select 1 from pg_constraint
                 where conname = '{name}' and conrelid = '"{table}"'::regclass and not convalidated) then
        alter table "{table}" validate constraint "{name}";
      end if;
    end $$
    """


def _check_at_once(table: str, name: str) -> str:
    """Check a key with its statement, and not at the commit, which callers wait for."""
    return f"""
    do $$ begin
      if exists (select 1 from pg_constraint
                 where conname = '{name}' and conrelid = '"{table}"'::regclass and condeferred) then
        alter table "{table}" alter constraint "{name}" deferrable initially immediate;
      end if;
    end $$
    """


def _drop_single_reference(table: str, column: str) -> str:
    """Drop Django's own key, which the composite one includes: it would cost a third of storing a message."""
    return f"""
    do $$ declare twin name; begin
      for twin in
        select k.conname from pg_constraint k
        join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
        where k.contype = 'f' and k.conrelid = '"{table}"'::regclass
          and cardinality(k.conkey) = 1 and a.attname = '{column}'
      loop
        execute format('alter table "{table}" drop constraint %I', twin);
      end loop;
    end $$
    """


def _refers_to_tenant_model(field: models.Field[Any, Any]) -> TypeGuard[models.ForeignKey[Any, Any]]:
    parent = field.related_model
    return isinstance(field, models.ForeignKey) and isinstance(parent, type) and issubclass(parent, TenantModel)


def _constraint_name(table: str, what: str) -> str:
    digest = hashlib.sha256(f"{table}.{what}".encode()).hexdigest()[:10]
    return f"walker_{digest}_{what}"[:63]


def _constraint(table: str, what: str, definition: str) -> str:
    name = _constraint_name(table, what)
    return f"""
    do $$ begin
      if not exists (select 1 from pg_constraint
                     where conname = '{name}' and conrelid = '"{table}"'::regclass) then
        alter table "{table}" add constraint "{name}" {definition};
      end if;
    end $$
    """
