"""Empty what a test leaves: the tables with rows, not all of them as Django does; our keys in Redis."""

from typing import Any, Final

import psycopg
from django.conf import settings
from django.db import connection
from django.test import TransactionTestCase
from redis import Redis

from core.db.roles import owner_settings

# Filled by `migrate` and changed by no test.
_KEPT: Final = "'django_migrations', 'django_content_type', 'auth_permission', 'core_upgrade'"
# Most keys are checked at the commit, so the order of tables doesn't matter; those of tenants are not. A table with
# pending checks cannot be altered, so guards are switched off before the first row goes and on after the last check.
_MAKE: Final = f"""
create or replace function pg_temp.empty_tables() returns void language plpgsql as $$
declare name regclass; guard record; filled regclass[] := '{{}}'; has_rows boolean; guards text[] := '{{}}';
begin
  set constraints all deferred;
  for name in select c.oid from pg_class c where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace
      and c.relname not in ({_KEPT}) order by c.relname = 'accounts_tenant' loop
    execute format('select exists (select from %s)', name) into has_rows;
    continue when not has_rows;
    filled := filled || name;
    for guard in select tgname, tgenabled from pg_trigger
        where tgrelid = name and not tgisinternal and tgenabled <> 'D' loop
      execute format('alter table %s disable trigger %I', name, guard.tgname);
      guards := guards || format('alter table %s enable %s trigger %I', name,
        case guard.tgenabled when 'A' then 'always' when 'R' then 'replica' else '' end, guard.tgname);
    end loop;
  end loop;
  foreach name in array filled loop
    execute format('delete from %s', name);
  end loop;
  set constraints all immediate;
  for i in 1 .. cardinality(guards) loop
    execute guards[i];
  end loop;
end $$
"""


class Emptying:
    """A connection of the tables' owner that outlives the tests: what it has looked up once, it knows."""

    def __init__(self) -> None:
        self.kept: psycopg.Connection[Any] | None = None

    def empty(self) -> None:
        """Remove the rows of all tables."""
        if self.kept is None or self.kept.closed:
            self.kept = self._connect()
        self.kept.execute("select pg_temp.empty_tables()")

    def close(self) -> None:
        if self.kept is not None:
            self.kept.close()

    def _connect(self) -> psycopg.Connection[Any]:
        owner = owner_settings()
        made = psycopg.connect(
            host=owner["HOST"],
            port=owner["PORT"],
            user=owner["USER"],
            password=owner["PASSWORD"],
            dbname=connection.settings_dict["NAME"],
            options=f"{owner['OPTIONS']['options']} -c lock_timeout=60s",
            autocommit=True,
        )
        made.execute(_MAKE)
        return made


def empty_by_deleting() -> Emptying:
    """Have Django's test cases empty the tables so; returns what does it, to be closed after the last test."""
    emptying = Emptying()

    def empty(_case: TransactionTestCase) -> None:
        emptying.empty()

    TransactionTestCase._fixture_teardown = empty  # type: ignore[attr-defined, method-assign]
    return emptying


def forget_keys(client: Redis) -> None:
    """Remove our keys in Redis; those of other processes of a parallel run stay."""
    keys = list(client.scan_iter(f"{settings.CACHES['default']['KEY_PREFIX']}:*", count=1000))
    if keys:
        client.unlink(*keys)
