"""Organisations may keep stored events for a shorter time, and whole months past everyone's are dropped at once."""

from django.db import migrations, models

import core.clock
import core.ids
import core.tenancy.scope

MAKE = """
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
revoke all on function walker_drop_old_event_partitions(date) from public;
grant execute on function walker_drop_old_event_partitions(date) to walker_app;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("analytics", "0008_cover_figures_of_days"),
    ]

    operations = [
        migrations.CreateModel(
            name="EventRetention",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("days", models.PositiveSmallIntegerField()),
                ("changed_at", models.DateTimeField(default=core.clock.now)),
            ],
            options={
                "permissions": [("manage_events", "Can choose for how long events are kept")],
                "constraints": [models.UniqueConstraint(fields=("tenant_id",), name="one_event_retention_per_tenant")],
            },
        ),
        migrations.RunSQL(MAKE, "drop function walker_drop_old_event_partitions(date)"),
    ]
