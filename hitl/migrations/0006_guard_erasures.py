"""Guard erasures: they note requests of the person's conversations, and at work final ones that hold an address."""

from django.db import migrations

GUARD = """
create function hitl_guard_erasure() returns trigger language plpgsql as $$
begin
  if exists (
    select 1 from (
      select key from jsonb_array_elements_text(coalesce(new.targets -> 'approvals', '[]')) key
      except select key from jsonb_array_elements_text(coalesce(old.targets -> 'approvals', '[]')) key
    ) added where not exists (
      select 1 from hitl_approval a where a.tenant_id = new.tenant_id and a.id = added.key::uuid and (
        new.targets -> 'conversations' ? a.conversation_id::text
        -- It holds an address of the person, which is kept encrypted: the worker has looked.
        or tg_op = 'UPDATE'
        and a.state = any (array['executed', 'failed', 'rejected', 'expired', 'cancelled', 'superseded'])
      )
    )
  ) then
    raise exception 'an erasure is about requests of the person only' using errcode = '42501';
  end if;
  return new;
end $$;
create trigger hitl_guard_erasure before insert or update of targets on core_erasure
  for each row execute function hitl_guard_erasure();
alter table core_erasure enable always trigger hitl_guard_erasure;
"""
NO_GUARD = """
drop trigger hitl_guard_erasure on core_erasure;
drop function hitl_guard_erasure();
"""


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("hitl", "0005_guard_approvals"),
        ("core", "0003_guard_erasures"),
    ]

    operations = [
        migrations.RunSQL(GUARD, NO_GUARD),
    ]
