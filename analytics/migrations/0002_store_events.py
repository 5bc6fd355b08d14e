"""The store of events, partitioned by month. Its key begins with the time: exports read events by when they happened.

Partitions have no grants: rows are reached through the table alone, whose row-level security counts. They are made and
dropped by functions of the owner. What no month takes goes into the default partition, so that nothing is lost.
"""

from django.db import migrations, models

import core.ids
import core.tenancy.scope

MAKE = """
create sequence analytics_event_number;
create table analytics_event (
  number bigint not null default nextval('analytics_event_number'),
  tenant_id uuid not null,
  id uuid not null,
  type varchar(40) not null,
  version smallint not null check (version >= 0),
  stream varchar(80) not null,
  seq bigint not null,
  payload jsonb not null,
  created_at timestamptz not null,
  about uuid,
  primary key (tenant_id, created_at, id)
) partition by range (created_at);
alter sequence analytics_event_number owned by analytics_event.number;
create index events_stored on analytics_event (tenant_id, number);
create index events_by_type on analytics_event (tenant_id, type, created_at);
create table analytics_event_other partition of analytics_event default;

create function walker_make_event_partition(month date) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  first timestamptz := date_trunc('month', month::timestamp) at time zone 'UTC';
  next timestamptz := (date_trunc('month', month::timestamp) + interval '1 month') at time zone 'UTC';
  name text := 'analytics_event_' || to_char(month, 'YYYY_MM');
begin
  if to_regclass(name) is not null or month < date '2020-01-01' or month > current_date + 400 then return; end if;
  lock table analytics_event in access exclusive mode;
  execute format('create table %I (like analytics_event including defaults including constraints)', name);
  execute format('with moved as (delete from analytics_event_other where created_at >= %L and created_at < %L '
    'returning *) insert into %I select * from moved', first, next, name);
  execute format('alter table analytics_event attach partition %I for values from (%L) to (%L)', name, first, next);
end $$;

create function walker_drop_empty_event_partitions(before date) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare part regclass; is_filled boolean;
begin
  for part in select i.inhrelid::regclass from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where i.inhparent = 'analytics_event'::regclass and c.relname ~ '^analytics_event_[0-9]{4}_[0-9]{2}$'
        and c.relname < 'analytics_event_' || to_char(least(before, current_date), 'YYYY_MM') loop
    execute format('lock table %s in access exclusive mode', part);
    execute format('select exists (select from %s)', part) into is_filled;
    if not is_filled then execute format('drop table %s', part); end if;
  end loop;
end $$;

create function walker_drop_old_event_partitions(before date) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare part regclass;
begin
  for part in select i.inhrelid::regclass from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where i.inhparent = 'analytics_event'::regclass and c.relname ~ '^analytics_event_[0-9]{4}_[0-9]{2}$'
        and to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month' <= least(before, current_date - 30) loop
    execute format('drop table %s', part);
  end loop;
end $$;
revoke all on function walker_make_event_partition(date) from public;
revoke all on function walker_drop_empty_event_partitions(date) from public;
grant execute on function walker_make_event_partition(date) to walker_app;
grant execute on function walker_drop_empty_event_partitions(date) to walker_app;
revoke all on function walker_drop_old_event_partitions(date) from public;
grant execute on function walker_drop_old_event_partitions(date) to walker_app;
"""
DROP = """
drop function walker_make_event_partition(date);
drop function walker_drop_empty_event_partitions(date);
drop function walker_drop_old_event_partitions(date);
drop table analytics_event;
"""


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("analytics", "0001_initial"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(MAKE, DROP)],
            state_operations=[
                migrations.CreateModel(
                    name="StoredEvent",
                    fields=[
                        ("number", models.BigIntegerField(editable=False)),
                        ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                        (
                            "id",
                            models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False),
                        ),
                        ("type", models.CharField(max_length=40)),
                        ("version", models.PositiveSmallIntegerField()),
                        ("stream", models.CharField(max_length=80)),
                        ("seq", models.BigIntegerField()),
                        ("payload", models.JSONField()),
                        ("created_at", models.DateTimeField()),
                        ("about", models.UUIDField(null=True)),
                    ],
                    options={
                        "db_table": "analytics_event",
                        "indexes": [
                            models.Index(fields=["tenant_id", "number"], name="events_stored"),
                            models.Index(fields=["tenant_id", "type", "created_at"], name="events_by_type"),
                        ],
                    },
                ),
            ],
        ),
    ]
