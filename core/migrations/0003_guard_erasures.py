"""Guard erasures: never removed, moved one way only, and what they are about is only added to."""

from django.db import migrations

GUARD = """
create function core_guard_erasure() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' then
    raise exception 'erasures are never removed' using errcode = '42501';
  end if;
  if tg_op = 'INSERT' then
    -- What holds an address is noted by the worker, row by row: none of it is there from the beginning.
    if new.state <> 'asked' or new.targets ?| array['rows', 'lines'] then
      raise exception 'an erasure begins as asked for, with the person' using errcode = '42501';
    end if;
    return new;
  end if;
  if (new.tenant_id, new.id, new.subject_type, new.subject_id, new.asked_by, new.asked_at, new.reason)
     is distinct from
     (old.tenant_id, old.id, old.subject_type, old.subject_id, old.asked_by, old.asked_at, old.reason)
     or (old.state || '>' || new.state) <> all
        (array['asked>asked', 'asked>working', 'working>working', 'working>done', 'working>parked', 'parked>working'])
  then
    raise exception 'illegal move of an erasure: % to %', old.state, new.state using errcode = '42501';
  end if;
  if new.state = 'done' and new.targets = '{}' then
    return new;
  end if;
  if new.traces is distinct from old.traces
     or new.targets is distinct from old.targets and (
       old.state <> 'working' or new.state <> 'working'
       or new.targets -> 'users' is distinct from old.targets -> 'users'
       or exists (
         select kind, key from jsonb_each(old.targets) was(kind, keys), jsonb_array_elements_text(was.keys) key
         except
         select kind, key from jsonb_each(new.targets) becomes(kind, keys), jsonb_array_elements_text(becomes.keys) key
       )
     )
  then
    raise exception 'what an erasure is about is only added to' using errcode = '42501';
  end if;
  return new;
end $$;
create trigger core_guard_erasure before insert or update or delete on core_erasure
  for each row execute function core_guard_erasure();
alter table core_erasure enable always trigger core_guard_erasure;
"""
NO_GUARD = """
drop trigger core_guard_erasure on core_erasure;
drop function core_guard_erasure();
"""


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("core", "0002_number_types"),
    ]

    operations = [
        migrations.RunSQL(GUARD, NO_GUARD),
    ]
