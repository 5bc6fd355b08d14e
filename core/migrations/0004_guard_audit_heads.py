"""Guard the heads of audit logs: never removed, and moved on only.

The newest entry of a kind is the one with the highest number. With a head that can be set back, an entry far ahead
would stay the newest for good.
"""

from django.db import migrations

# The condition is the trigger's own, so that what is written all the time calls no function.
GUARD = """
create function core_guard_audithead() returns trigger language plpgsql as $$
begin
  raise exception 'the head of an audit log only moves on' using errcode = '42501';
end $$;
create trigger core_guard_audithead before update on core_audithead
  for each row when (new.seq <= old.seq or new.tenant_id <> old.tenant_id)
  execute function core_guard_audithead();
alter table core_audithead enable always trigger core_guard_audithead;
create trigger core_keep_audithead before delete on core_audithead
  for each row execute function core_guard_audithead();
alter table core_audithead enable always trigger core_keep_audithead;
"""
NO_GUARD = """
drop trigger core_guard_audithead on core_audithead;
drop trigger core_keep_audithead on core_audithead;
drop function core_guard_audithead();
"""


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("core", "0003_guard_erasures"),
    ]

    operations = [
        migrations.RunSQL(GUARD, NO_GUARD),
    ]
