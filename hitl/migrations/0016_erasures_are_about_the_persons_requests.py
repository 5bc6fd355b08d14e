"""The database looks which requests an erasure notes: of the person's conversations; at work also final ones."""

from typing import ClassVar

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
UNGUARD = """
drop trigger hitl_guard_erasure on core_erasure;
drop function hitl_guard_erasure();
"""


class Migration(migrations.Migration):
    """Install the trigger."""

    dependencies: ClassVar = [
        ("hitl", "0015_only_what_is_the_persons_is_emptied"),
        ("core", "0006_erasures_keep_what_they_are_about"),
    ]
    operations: ClassVar = [migrations.RunSQL(GUARD, UNGUARD)]
