"""Rows that an approval's seal covers are written under the approval's lock."""

from django.db import migrations

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


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("hitl", "0006_guard_erasures"),
    ]

    operations = [
        migrations.RunSQL(LOCK + TRIGGERS, NO_TRIGGERS + "drop function hitl_lock_approval();"),
    ]
