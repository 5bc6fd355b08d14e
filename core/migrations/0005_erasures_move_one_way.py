"""Erasures are never removed and move on only: asked, at work, done or parked, and from there back to work."""

from typing import ClassVar

from django.db import migrations, models

GUARD = """
create or replace function core_guard_erasure() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' then
    raise exception 'erasures are never removed' using errcode = '42501';
  end if;
  if tg_op = 'INSERT' then
    if new.state <> 'asked' then
      raise exception 'an erasure begins as asked for' using errcode = '42501';
    end if;
    return new;
  end if;
  if (new.tenant_id, new.id, new.subject_type, new.subject_id, new.asked_by, new.asked_at)
     is distinct from (old.tenant_id, old.id, old.subject_type, old.subject_id, old.asked_by, old.asked_at)
     or (old.state || '>' || new.state) <> all
        (array['asked>asked', 'asked>working', 'working>working', 'working>done', 'working>parked', 'parked>working'])
  then
    raise exception 'illegal move of an erasure: % to %', old.state, new.state using errcode = '42501';
  end if;
  return new;
end $$;
create trigger core_guard_erasure before insert or update or delete on core_erasure
  for each row execute function core_guard_erasure();
alter table core_erasure enable always trigger core_guard_erasure;
"""
UNGUARD = """
drop trigger core_guard_erasure on core_erasure;
drop function core_guard_erasure();
"""


class Migration(migrations.Migration):
    """Add what a page lists and a sweep notes, and install the trigger."""

    dependencies: ClassVar = [("core", "0004_people_are_erased")]
    operations: ClassVar = [
        migrations.AddField(
            "erasure",
            "still_named",
            models.JSONField(default=list, help_text="Ids of requests of others that still hold the name."),
        ),
        migrations.AddField(
            "erasure", "tried_at", models.DateTimeField(help_text="When the sweep came last.", null=True)
        ),
        migrations.AddField("erasure", "round_at", models.DateTimeField(help_text="When this round began.", null=True)),
        migrations.AlterField(
            "erasure",
            "state",
            models.CharField(
                choices=[("asked", "Asked for"), ("working", "At work"), ("done", "Done"), ("parked", "Stopped")],
                default="asked",
                max_length=10,
            ),
        ),
        migrations.RunSQL(GUARD, UNGUARD),
    ]
