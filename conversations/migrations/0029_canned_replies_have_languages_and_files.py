"""A canned reply has a text per language, and files."""

import django.db.models.deletion
from django.db import migrations, models

import core.clock
import core.ids
import core.privacy.encrypted_fields
import core.tenancy.scope


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0028_add_macros"),
    ]

    operations = [
        migrations.AddField(
            model_name="cannedreply",
            name="language",
            field=models.CharField(default="en", help_text="Of the text.", max_length=8),
        ),
        migrations.AddField(
            model_name="cannedreply",
            name="translations",
            field=models.JSONField(default=dict, help_text="The text in other languages, by their codes."),
        ),
        migrations.CreateModel(
            name="CannedFile",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("content_type", models.CharField(max_length=100)),
                ("size", models.PositiveIntegerField(default=0)),
                ("filename", core.privacy.encrypted_fields.EncryptedTextField(default=str)),
                (
                    "content",
                    core.privacy.encrypted_fields.EncryptedTextField(
                        help_text="Base64 of the bytes, if the database holds them.", null=True
                    ),
                ),
                (
                    "store",
                    models.CharField(blank=True, help_text="The store outside that holds the bytes.", max_length=10),
                ),
                (
                    "file_key",
                    core.privacy.encrypted_fields.EncryptedTextField(
                        help_text="The key of the bytes in a store outside.", null=True
                    ),
                ),
                ("width", models.PositiveIntegerField(default=0, help_text="Of a picture; 0 if it doesn't say.")),
                ("height", models.PositiveIntegerField(default=0)),
                ("digest", models.CharField(blank=True, max_length=64)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                (
                    "reply",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="files",
                        to="conversations.cannedreply",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["tenant_id", "reply"], name="canned_files_by_reply")],
            },
        ),
    ]
