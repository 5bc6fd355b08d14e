"""Guard erasures: they note contacts and conversations of the person only; contacts that were merged are one person."""

from django.db import migrations

# All contacts that were merged into one name it, so the person is at most two steps away.
GUARD = """
create function conversations_guard_erasure() returns trigger language plpgsql as $$
begin
  if exists (
    select 1 from (
      select key from jsonb_array_elements_text(coalesce(new.targets -> 'contacts', '[]')) key
      except select key from jsonb_array_elements_text(coalesce(old.targets -> 'contacts', '[]')) key
    ) added where not exists (
      select 1 from conversations_contact c join conversations_contact o on o.tenant_id = c.tenant_id and o.id in (
        select c.id union select c.merged_into_id
        union select s.id from conversations_contact s
          where s.tenant_id = c.tenant_id and s.merged_into_id in (c.id, c.merged_into_id)
      ) where c.tenant_id = new.tenant_id and c.id = added.key::uuid and (
        new.subject_type = 'contact' and o.id = new.subject_id or new.targets -> 'users' ? o.user_id::text
      )
    )
  ) or exists (
    select 1 from (
      select key from jsonb_array_elements_text(coalesce(new.targets -> 'conversations', '[]')) key
      except select key from jsonb_array_elements_text(coalesce(old.targets -> 'conversations', '[]')) key
    ) added where not exists (
      select 1 from conversations_conversation t where t.tenant_id = new.tenant_id and t.id = added.key::uuid
      and new.targets -> 'contacts' ? t.contact_id::text
    )
  ) then
    raise exception 'an erasure is about contacts and conversations of the person only' using errcode = '42501';
  end if;
  return new;
end $$;
create trigger conversations_guard_erasure before insert or update of targets on core_erasure
  for each row execute function conversations_guard_erasure();
alter table core_erasure enable always trigger conversations_guard_erasure;
"""
NO_GUARD = """
drop trigger conversations_guard_erasure on core_erasure;
drop function conversations_guard_erasure();
"""


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("conversations", "0003_early_vacuum"),
        ("core", "0003_guard_erasures"),
    ]

    operations = [
        migrations.RunSQL(GUARD, NO_GUARD),
    ]
