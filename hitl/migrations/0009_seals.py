"""Give approvals, assignments and executions a seal, and let changes of their rows wait for the approval's lock.

Somebody who changes a row while a transition holds its approval waits until the transition has sealed it: their change
is found at the next one.
"""

from django.db import migrations, models

LOCK = """
create function hitl_lock_approval() returns trigger language plpgsql as $$
begin
  -- The schema is named: a temporary table of the same name would be found first.
  if tg_op <> 'INSERT' then
    perform 1 from public.hitl_approval a where a.id = old.approval_id for update;
  end if;
  if tg_op = 'DELETE' then
    return old;
  end if;
  if tg_op = 'INSERT' or new.approval_id <> old.approval_id then
    perform 1 from public.hitl_approval a where a.id = new.approval_id for update;
  end if;
  return new;
end $$;
"""
# Columns that an erasure empties are not sealed, and it empties them without the lock.
EVENTS = {
    "hitl_assignment": "insert or delete or update",
    "hitl_decision": "insert or delete",
    "hitl_execution": "insert or delete or update of id, tenant_id, approval_id, revision, digest, idempotency_key, "
    "fence, attempt, lease_until, outcome, started_at, finished_at, seal",
}
TRIGGERS = "".join(
    f"create trigger hitl_lock_approval before {events} on {table} "
    "for each row execute function hitl_lock_approval();"
    f"alter table {table} enable always trigger hitl_lock_approval;"
    for table, events in EVENTS.items()
)
NO_TRIGGERS = "".join(f"drop trigger hitl_lock_approval on {table};" for table in EVENTS)


def seal(length: int) -> models.CharField:
    return models.CharField(blank=True, db_default="", default="", max_length=length)


class Migration(migrations.Migration):
    dependencies = [
        ("hitl", "0008_keep_late_reports"),
    ]

    operations = [
        migrations.AddField("approval", "seal", seal(160)),
        migrations.AddField("assignment", "seal", seal(90)),
        migrations.AddField("execution", "seal", seal(90)),
        migrations.RunSQL(LOCK + TRIGGERS, NO_TRIGGERS + "drop function hitl_lock_approval();"),
    ]
