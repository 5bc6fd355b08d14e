"""Let final requests be emptied when they are older than their organisation keeps them, and nothing holds them."""

from django.db import migrations, models

# The function of `0005_guard_approvals` with one more way to empty a request. A test compares the pairs with
# hitl.domain.state_machine.
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
create or replace function hitl_guard_approval() returns trigger language plpgsql as $$
begin
  if least(new.version, new.kind_version, new.revision, new.risk_policy, new.workflow_version,
           new.sla_minutes_over) < 0
     or least(new.risk_score, new.risk_version, new.level, new.votes_required, new.votes_received, new.priority,
              new.rounds, new.escalation_step, new.reminder_count) < 0
     or new.risk_score > 100 then
    raise exception 'a number of an approval is out of bounds' using errcode = '23514';
  end if;
  if tg_op = 'INSERT' then
    if new.state <> 'pending' or new.version <> 1 or new.revision <> 1 then
      raise exception 'an approval begins as pending' using errcode = '42501';
    end if;
    return new;
  end if;
  -- The usual move passes by one look: legal, and nothing signed changes.
  if new.version = old.version + 1
     and (old.state || '>' || new.state) = any (array{PAIRS})
     and new.digest = old.digest and new.payload = old.payload and new.kind_version = old.kind_version
     and new.id = old.id and new.tenant_id = old.tenant_id
     and new.reference = old.reference and new.kind = old.kind then
    return new;
  end if;
  if (new.tenant_id, new.id, new.reference, new.kind)
     is distinct from (old.tenant_id, old.id, old.reference, old.kind) then
    raise exception 'the identity of an approval does not change' using errcode = '42501';
  end if;
  -- A final one is emptied while an erasure at work has noted it as the person's, or by its age.
  if new.version = old.version and new.payload is distinct from old.payload
     and new.payload = '{{"erased": true}}'::jsonb
     and old.state = any (array['executed', 'failed', 'rejected', 'expired', 'cancelled', 'superseded'])
     and (new.state, new.revision, new.digest, new.holds, new.level)
         is not distinct from (old.state, old.revision, old.digest, old.holds, old.level)
     and (
       exists (select 1 from core_erasure e where e.tenant_id = new.tenant_id and e.state = 'working'
               and e.targets -> 'approvals' ? new.id::text)
       BY_AGE
     ) then
    return new;
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
"""  # noqa: S608  (made of the constants above)
AGED = """or exists (
         select 1 from core_retentionchoice r where r.tenant_id = new.tenant_id and r.kind = 'requests'
         and old.moved_at < now() - make_interval(
           days => case when r.starts_at <= now() then r.days else r.days_before end)
       ) and not exists (
         select 1 from core_legalhold h where h.tenant_id = new.tenant_id and h.lifted_at is null
         and (h.subject_type = 'organisation' or h.subject_id = old.conversation_id)
       )"""


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("hitl", "0011_stop_of_a_connection"),
        # Its function reads both tables.
        ("core", "0007_retention"),
    ]

    operations = [
        migrations.RunSQL(GUARD.replace("BY_AGE", AGED), GUARD.replace("BY_AGE", "")),
        migrations.AddIndex(
            model_name="approval",
            index=models.Index(
                condition=models.Q(
                    ("state__in", ["executed", "failed", "rejected", "expired", "cancelled", "superseded"]),
                    models.Q(("payload", {"erased": True}), _negated=True),
                ),
                fields=["tenant_id", "moved_at"],
                name="approvals_to_empty",
            ),
        ),
    ]
