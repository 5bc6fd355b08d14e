"""The database refuses any move of an approval that is not in the table of transitions."""

from typing import ClassVar

from django.db import migrations

# Frozen here on purpose; a test compares it with hitl.domain.state_machine.
PAIRS = """
pending>pending pending>info_requested pending>returned pending>approved pending>rejected
pending>expired pending>cancelled pending>superseded
info_requested>info_requested info_requested>pending info_requested>expired
info_requested>cancelled info_requested>superseded
returned>returned returned>pending returned>expired returned>cancelled returned>superseded
approved>approved approved>pending approved>executing approved>expired approved>cancelled
executing>executing executing>approved executing>executed executing>failed executing>unknown
unknown>unknown unknown>approved unknown>executed unknown>failed
""".split()

GUARD = f"""
create function hitl_guard_approval() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    if new.state <> 'pending' or new.version <> 1 or new.revision <> 1 then
      raise exception 'an approval begins as pending' using errcode = '42501';
    end if;
    return new;
  end if;
  if (new.tenant_id, new.id, new.reference, new.kind)
     is distinct from (old.tenant_id, old.id, old.reference, old.kind) then
    raise exception 'the identity of an approval does not change' using errcode = '42501';
  end if;
  if new.version = old.version then
    if (new.state, new.revision, new.digest, new.payload, new.holds, new.level)
       is distinct from (old.state, old.revision, old.digest, old.payload, old.holds, old.level) then
      raise exception 'an approval changes with a new version only' using errcode = '42501';
    end if;
    return new;
  end if;
  if new.version <> old.version + 1
     or (old.state || '>' || new.state) <> all (array{PAIRS}) then
    raise exception 'illegal move of an approval: % to %', old.state, new.state
      using errcode = '42501';
  end if;
  if (new.payload, new.digest, new.kind_version)
     is distinct from (old.payload, old.digest, old.kind_version)
     and (new.revision <> old.revision + 1 or new.state <> 'pending') then
    raise exception 'what is signed changes with a new revision only' using errcode = '42501';
  end if;
  return new;
end $$;
create trigger hitl_guard_approval before insert or update on hitl_approval
  for each row execute function hitl_guard_approval();
alter table hitl_approval enable always trigger hitl_guard_approval;
"""

UNGUARD = """
drop trigger hitl_guard_approval on hitl_approval;
drop function hitl_guard_approval();
"""


class Migration(migrations.Migration):
    """Install the trigger."""

    dependencies: ClassVar = [("hitl", "0001_approvals")]
    operations: ClassVar = [migrations.RunSQL(GUARD, UNGUARD)]
