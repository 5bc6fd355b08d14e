"""Lays the database wall over every table: policies, grants, composite keys, append-only triggers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, TypeGuard

from django.apps import apps
from django.db import connection, models

from core import resolvers
from core.tenancy import TenantModel

SETTING = "(select nullif(current_setting('walker.tenant', true), '')::uuid)"
MIGRATING = "(select current_setting('walker.migrate', true)) = 'on'"
ALL = "SELECT, INSERT, UPDATE, DELETE"

# Tables of other packages that hold one tenant's rows: they get a tenant column Django does not know.
ADOPTED = frozenset({"admin.LogEntry", "guardian.UserObjectPermission", "guardian.GroupObjectPermission"})
# Tables outside the wall, with the reason in docs/explanation/tenancy.md.
GLOBAL = frozenset(
    {
        "accounts.User",
        "account.EmailAddress",
        "account.EmailConfirmation",
        "auth.Group",
        "auth.Group_permissions",
        "auth.Permission",
        "accounts.User_groups",
        "accounts.User_user_permissions",
        "contenttypes.ContentType",
        "django_celery_beat.ClockedSchedule",
        "django_celery_beat.CrontabSchedule",
        "django_celery_beat.IntervalSchedule",
        "django_celery_beat.PeriodicTask",
        "django_celery_beat.PeriodicTasks",
        "django_celery_beat.SolarSchedule",
        "hitl.GlobalKillSwitch",
        "mfa.Authenticator",
        "sessions.Session",
        "sites.Site",
        "socialaccount.SocialAccount",
        "socialaccount.SocialApp",
        "socialaccount.SocialApp_sites",
        "socialaccount.SocialToken",
        "usersessions.UserSession",
    }
)


class UnwalledTable(RuntimeError):
    """A table is neither tenant-owned nor on the list of global tables."""


def all_models() -> list[type[models.Model]]:
    """Return every model that has a table of its own."""
    found = apps.get_models(include_auto_created=True)
    return [model for model in found if model._meta.managed and not model._meta.proxy]


def is_walled(model: type[models.Model]) -> bool:
    """Tell whether the model's rows belong to one tenant."""
    label = model._meta.label
    return issubclass(model, TenantModel) or label in ADOPTED or label == "accounts.Tenant"


def walled_tables() -> list[str]:
    """Return the tables on which row-level security must be active."""
    return sorted(model._meta.db_table for model in all_models() if is_walled(model))


def lay_walls(*, testing: bool = False) -> None:
    """Make the database match the models. Idempotent; runs as the owner after every migrate.

    With `testing`, the role of the tests may truncate (their flush does) and audit lets it.
    """
    with connection.cursor() as cursor:
        for statement in _statements(testing):
            cursor.execute(statement)


def _statements(testing: bool) -> Iterator[str]:
    yield _REFUSE_FUNCTION
    yield _ERASE_ONLY_FUNCTION
    for model in all_models():
        yield from _model_statements(model, testing)
    for model in all_models():
        yield from _reference_statements(model)
    yield from _tenant_lookup_statements()
    for resolver in resolvers.declared():
        yield from _resolver_statements(resolver)
    for search in resolvers.searches():
        yield from _search_statements(search)
    yield "grant select on django_migrations to walker_app"
    yield "grant usage on all sequences in schema public to walker_app"
    if testing:
        yield "grant truncate on all tables in schema public to walker_app"
        yield "grant all on all sequences in schema public to walker_app"


def _model_statements(model: type[models.Model], testing: bool) -> Iterator[str]:
    table, label = model._meta.db_table, model._meta.label
    if not is_walled(model):
        if label not in GLOBAL:
            raise UnwalledTable(f"{label} is neither tenant-owned nor on core.walls.GLOBAL")
        yield f'grant {ALL} on "{table}" to walker_app'
        return
    if label in ADOPTED:
        yield (
            f'alter table "{table}" add column if not exists tenant_id uuid not null '
            "default nullif(current_setting('walker.tenant', true), '')::uuid"
        )
    yield from _policy_statements(table, "id" if label == "accounts.Tenant" else "tenant_id")
    yield from _grant_statements(table, append_only=_is_append_only(model), testing=testing)
    if words := getattr(model, "erasable", ()):
        yield from _erasable_statements(table, words, testing)


def _erasable_statements(table: str, words: tuple[str, ...], testing: bool) -> Iterator[str]:
    """Let the words of an append-only table be emptied while the person is erased whose they are, and no more."""
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


def _is_append_only(model: type[models.Model]) -> bool:
    return bool(getattr(model, "append_only", False))


def _policy_statements(table: str, column: str) -> Iterator[str]:
    own = f"{column} = {SETTING}"
    policies = {
        "walker_wall": f"to walker_app using ({own})",
        "walker_owner_wall": f"to walker_owner using ({own} or {MIGRATING})",
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
  ) then
    raise exception 'rows of % are never changed or removed', tg_table_name using errcode = '42501';
  end if;
  return new;
end $$
"""


def _reference_statements(model: type[models.Model]) -> Iterator[str]:
    if not issubclass(model, TenantModel):
        return
    table = model._meta.db_table
    parents = [field for field in model._meta.local_fields if _refers_to_tenant_model(field)]
    if all(field.null for field in parents):
        yield _constraint(table, "tenant", "foreign key (tenant_id) references accounts_tenant (id)")
    else:
        # A row that always has a parent has the parent's tenant, who exists: nothing to look up a second time.
        yield f'alter table "{table}" drop constraint if exists "{_constraint_name(table, "tenant")}"'
    for field in parents:
        parent_table = field.related_model._meta.db_table
        yield _constraint(parent_table, "key", "unique (tenant_id, id)")
        yield _constraint(
            table,
            field.column,
            f'foreign key (tenant_id, "{field.column}") references "{parent_table}" (tenant_id, id) '
            "deferrable initially deferred",
        )
        yield _drop_single_reference(table, field.column)


def _drop_single_reference(table: str, column: str) -> str:
    """Drop Django's own foreign key on a column: the composite one says the same and the tenant besides.

    Both would be checked with every insert, which is a third of what storing a message costs.
    """
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


def _active(resolver: resolvers.Resolver) -> str:
    if not resolver.active_tenant:
        return ""
    return " and exists (select 1 from accounts_tenant x where x.id = t.tenant_id and x.is_active)"


def _tenant_lookup_statements() -> Iterator[str]:
    yield "grant select (id, is_active) on accounts_tenant to walker_resolver"
    yield "drop policy if exists walker_resolver_wall on accounts_tenant"
    yield "create policy walker_resolver_wall on accounts_tenant for select to walker_resolver using (true)"


def _resolver_statements(resolver: resolvers.Resolver) -> Iterator[str]:
    columns = [column for column, _ in resolver.columns]
    readable = ", ".join(sorted({*columns, *resolver.reads, resolver.match}))
    returned = ", ".join(f"{column} {kind}" for column, kind in resolver.columns)
    selected = ", ".join(f"t.{column}" for column in columns)
    signature = f"{resolver.function}(text)"
    yield f'grant select ({readable}) on "{resolver.table}" to walker_resolver'
    yield f'drop policy if exists walker_resolver_wall on "{resolver.table}"'
    yield (f'create policy walker_resolver_wall on "{resolver.table}" for select to walker_resolver using (true)')
    yield f"drop function if exists {signature}"
    yield (
        f"create function {resolver.function}(key text) returns table ({returned}) "
        "language sql stable security definer set search_path = public, pg_temp as "
        f'$$ select {selected} from "{resolver.table}" t '
        f"where t.{resolver.match}::text = key and {resolver.condition}{_active(resolver)} $$"
    )
    yield from _hand_over(signature)


def _hand_over(signature: str) -> Iterator[str]:
    """Let the application call a function, and the resolver own it."""
    yield f"revoke all on function {signature} from public"
    yield f"grant execute on function {signature} to walker_app"
    yield "grant create on schema public to walker_resolver"
    yield f"alter function {signature} owner to walker_resolver"
    yield "revoke create on schema public from walker_resolver"


def _search_statements(search: resolvers.Search) -> Iterator[str]:
    readable = ", ".join(sorted({"tenant_id", search.newest, *search.reads, *(column for column, _ in search.found)}))
    returned = ", ".join(f"{column} {kind}" for column, kind in search.found)
    selected = ", ".join(f"t.{column}" for column, _ in search.found)
    signature = f"{search.function}(text, int)"
    yield f'grant select ({readable}) on "{search.table}" to walker_resolver'
    yield f'drop policy if exists walker_resolver_wall on "{search.table}"'
    yield f'create policy walker_resolver_wall on "{search.table}" for select to walker_resolver using (true)'
    yield f"drop function if exists {signature}"
    # Planned with the words at hand: a rare word is read from its index, one that everybody uses from the newest on.
    yield (
        f"create function {search.function}(asked text, most int) returns table ({returned}) "
        "language plpgsql stable security definer set search_path = public, pg_temp "
        "set plan_cache_mode = force_custom_plan as $$ #variable_conflict use_column\n"
        "declare tenant uuid := nullif(current_setting('walker.tenant', true), '')::uuid; wanted tsquery; begin "
        f"wanted := {search.asked}; "
        "if tenant is null or wanted is null then return; end if; "
        f'return query select {selected} from "{search.table}" t '
        f"where t.tenant_id = tenant and {search.words} @@ wanted "
        f"order by t.{search.newest} desc limit least(greatest(most, 0), 1000); end $$"
    )
    yield from _hand_over(signature)


def problems() -> list[str]:
    """Return why the wall does not hold for the current role (empty when it does)."""
    found = []
    with connection.cursor() as cursor:
        cursor.execute("select rolsuper, rolbypassrls from pg_roles where rolname = current_user")
        is_super, bypasses = cursor.fetchone()
        if is_super or bypasses:
            found.append("the database role bypasses row-level security")
        cursor.execute(
            "select c.relname from pg_class c where c.relname = any(%s) "
            "and c.relnamespace = 'public'::regnamespace "
            "and (not row_security_active(c.oid) or pg_get_userbyid(c.relowner) = current_user)",
            [walled_tables()],
        )
        found.extend(f"no active wall on {name}" for (name,) in cursor.fetchall())
    return found
