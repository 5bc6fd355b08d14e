"""Guard erasures: one of a member is about that member's account only, one of a contact about none."""

from django.db import migrations

GUARD = """
create function accounts_guard_erasure() returns trigger language plpgsql as $$
begin
  if exists (
    select 1 from jsonb_array_elements_text(coalesce(new.targets -> 'users', '[]')) key
    where new.subject_type <> 'member' or not exists (
      select 1 from accounts_membership membership
      where membership.tenant_id = new.tenant_id and membership.id = new.subject_id and membership.user_id = key::uuid
    )
  ) then
    raise exception 'an erasure is about the member only' using errcode = '42501';
  end if;
  return new;
end $$;
create trigger accounts_guard_erasure before insert on core_erasure
  for each row execute function accounts_guard_erasure();
alter table core_erasure enable always trigger accounts_guard_erasure;
"""
NO_GUARD = """
drop trigger accounts_guard_erasure on core_erasure;
drop function accounts_guard_erasure();
"""


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("accounts", "0001_initial"),
        ("core", "0003_guard_erasures"),
    ]

    operations = [
        migrations.RunSQL(GUARD, NO_GUARD),
    ]
