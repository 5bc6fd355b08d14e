"""Add mentions and versions of notes."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import core.ids
import core.privacy.encrypted_fields
import core.tenancy.scope


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0026_add_surveys"),
    ]

    operations = [
        migrations.AddField(
            model_name="note",
            name="edited_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="note",
            name="mentions",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.UUIDField(), blank=True, default=list, size=None
            ),
        ),
        migrations.CreateModel(
            name="NoteVersion",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("body", core.privacy.encrypted_fields.EncryptedTextField()),
                ("masked_body", models.TextField()),
                ("written_at", models.DateTimeField()),
                (
                    "note",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="versions", to="conversations.note"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["tenant_id", "note", "-id"], name="versions_of_note")],
            },
        ),
    ]
