"""Add notes of colleagues on approvals, which nobody changes or removes."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.clock
import core.ids
import core.privacy.encrypted_fields
import core.tenancy.scope

# Keys are rotated, so the encrypted text may be written again; an erasure empties both texts.
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
    dependencies = [
        ("hitl", "0011_add_time_to_undo"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ApprovalNote",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("body", core.privacy.encrypted_fields.EncryptedTextField()),
                ("masked_body", models.TextField(blank=True)),
                (
                    "mentions",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.UUIDField(), blank=True, default=list, size=None
                    ),
                ),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                (
                    "approval",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="colleagues_notes",
                        to="hitl.approval",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["tenant_id", "approval", "-id"], name="approval_notes_newest"),
                ],
            },
        ),
        migrations.RunSQL(KEEP, NOT_KEPT),
    ]
