"""What an erasure is about is added to while it is at work and never taken back; who, why and by what never change."""

from importlib import import_module
from typing import ClassVar

from django.db import migrations

_before = import_module("core.migrations.0005_erasures_move_one_way").GUARD
GUARD = """
create or replace function core_guard_erasure() returns trigger language plpgsql as $$
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
"""


class Migration(migrations.Migration):
    """Replace the function behind the trigger."""

    dependencies: ClassVar = [("core", "0005_erasures_move_one_way")]
    operations: ClassVar = [migrations.RunSQL(GUARD, _before[: _before.index("create trigger")])]
