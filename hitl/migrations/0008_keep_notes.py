"""Notes are kept: an erasure blanks their words, and nothing else changes."""

from django.db import migrations

KEEP = """
create function hitl_keep_note() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' or to_jsonb(new) - 'body' - 'masked_body' <> to_jsonb(old) - 'body' - 'masked_body'
    or new.masked_body not in (old.masked_body, '') then
    raise exception 'rows of % are never changed or removed', tg_table_name using errcode = '42501';
  end if;
  return new;
end $$;
create trigger hitl_keep_note before update or delete on hitl_approvalnote
  for each row execute function hitl_keep_note();
alter table hitl_approvalnote enable always trigger hitl_keep_note;
"""
NOT_KEPT = "drop trigger hitl_keep_note on hitl_approvalnote; drop function hitl_keep_note();"


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("hitl", "0007_lock_sealed_rows"),
    ]

    operations = [
        migrations.RunSQL(KEEP, NOT_KEPT),
    ]
