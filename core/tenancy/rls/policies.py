"""Policies, grants and append-only triggers of tables."""

from collections.abc import Iterator

from django.db import models

from core.tenancy.rls.tables import ADOPTED, GLOBAL, MissingPolicy, is_walled

# Not a sub-select, which would add a plan node to each statement: statements filter by tenant themselves, so
# PostgreSQL compares this once, before it reads rows. In a statement that does not, it is evaluated for each row.
SETTING = "nullif(current_setting('walker.tenant', true), '')::uuid"
MIGRATING = "(select current_setting('walker.migrate', true)) = 'on'"
ALL = "SELECT, INSERT, UPDATE, DELETE"

_REFUSE_FUNCTION = """
create or replace function walker_refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'rows of % are never changed or removed', tg_table_name using errcode = '42501';
end $$
"""

_ERASE_ONLY_FUNCTION = """
create or replace function walker_erase_only() returns trigger language plpgsql as $$
declare was jsonb := to_jsonb(old); becomes jsonb; word text;
begin
  if tg_op = 'DELETE' then
    raise exception 'rows of % are never changed or removed', tg_table_name using errcode = '42501';
  end if;
  becomes := to_jsonb(new);
  foreach word in array tg_argv loop
    if becomes -> word is distinct from was -> word and becomes ->> word not in ('', '[]', '{}') then
      raise exception 'rows of % are never changed or removed', tg_table_name using errcode = '42501';
    end if;
    was := was - word;
    becomes := becomes - word;
  end loop;
  if becomes is distinct from was or not exists (
    select 1 from core_erasure e where e.tenant_id = new.tenant_id and e.state = 'working' and (
      e.targets -> 'approvals' ? (was ->> 'approval_id') or e.targets -> 'users' ? (was ->> 'person_id')
      or e.targets -> 'rows' ? (was ->> 'id')
    )
  ) and not (
    -- What was changed of a request goes with the request, which another trigger lets go.
    tg_table_name = 'hitl_revision' and exists (
      select 1 from hitl_approval a where a.tenant_id = new.tenant_id and a.id = (was ->> 'approval_id')::uuid
      and a.payload = '{"erased": true}'::jsonb
    )
  ) then
    raise exception 'rows of % are never changed or removed', tg_table_name using errcode = '42501';
  end if;
  return new;
end $$
"""


# Without a path of its own, a trigger reads a temporary table that has the name of a real one.
_FIX_SEARCH_PATHS = """
do $$
declare name regprocedure;
begin
  for name in select oid from pg_proc where pronamespace = 'public'::regnamespace
      and prorettype = 'trigger'::regtype and pg_get_userbyid(proowner) = current_user loop
    execute format('alter function %s set search_path = public, pg_temp', name);
  end loop;
end $$
"""


def trigger_functions() -> Iterator[str]:
    """Yield the statements for the trigger functions of append-only tables, and the search path of all others."""
    yield _REFUSE_FUNCTION
    yield _ERASE_ONLY_FUNCTION
    yield _FIX_SEARCH_PATHS


def statements(model: type[models.Model], *, testing: bool) -> Iterator[str]:
    """Yield the statements for policies, grants and triggers of one table. Raises MissingPolicy."""
    table, label = model._meta.db_table, model._meta.label
    if not is_walled(model):
        if label not in GLOBAL:
            raise MissingPolicy(f"{label} is neither tenant-owned nor on core.tenancy.rls.GLOBAL")
        yield f'grant {ALL} on "{table}" to walker_app'
        return
    if label in ADOPTED:
        yield (
            f'alter table "{table}" add column if not exists tenant_id uuid not null '
            "default nullif(current_setting('walker.tenant', true), '')::uuid"
        )
    yield from _policy_statements(table, "id" if label == "accounts.Tenant" else "tenant_id")
    yield from _grant_statements(table, append_only=bool(getattr(model, "append_only", False)), testing=testing)
    if words := getattr(model, "erasable", ()):
        yield from _erasable_statements(table, words, testing)


def _erasable_statements(table: str, words: tuple[str, ...], testing: bool) -> Iterator[str]:
    """Allow an erasure to blank the personal columns of an append-only table."""
    columns = ", ".join(f'"{name}"' for name in words)
    names = ", ".join(f"'{name}'" for name in words)
    yield f'grant update ({columns}) on "{table}" to walker_app'
    yield f'drop trigger if exists walker_append_only on "{table}"'
    yield (
        f'create trigger walker_append_only before update or delete on "{table}" '
        f"for each row execute function walker_erase_only({names})"
    )
    yield f'alter table "{table}" enable always trigger walker_append_only'
    yield f'drop trigger if exists walker_not_emptied on "{table}"'
    if testing:
        return
    yield (
        f'create trigger walker_not_emptied before truncate on "{table}" '
        "for each statement execute function walker_refuse_change()"
    )
    yield f'alter table "{table}" enable always trigger walker_not_emptied'


def _policy_statements(table: str, column: str) -> Iterator[str]:
    own = f"{column} = {SETTING}"
    policies = {
        "walker_wall": f"to walker_app using ({own})",
        "walker_owner_wall": f"to walker_owner using ({column} = (select {SETTING}) or {MIGRATING})",
        "walker_platform_wall": "to walker_platform using (true)",
    }
    yield f'alter table "{table}" enable row level security'
    yield f'alter table "{table}" force row level security'
    for name, rule in policies.items():
        yield f'drop policy if exists {name} on "{table}"'
        yield f'create policy {name} on "{table}" for all {rule}'


def _grant_statements(table: str, *, append_only: bool, testing: bool) -> Iterator[str]:
    rights = "SELECT, INSERT" if append_only else ALL
    yield f'grant {rights} on "{table}" to walker_app'
    yield f'grant {"SELECT" if append_only else "SELECT, UPDATE"} on "{table}" to walker_platform'
    if not append_only:
        return
    events = "update or delete" if testing else "update or delete or truncate"
    yield f'drop trigger if exists walker_append_only on "{table}"'
    yield (
        f'create trigger walker_append_only before {events} on "{table}" '
        "for each statement execute function walker_refuse_change()"
    )
    yield f'alter table "{table}" enable always trigger walker_append_only'
