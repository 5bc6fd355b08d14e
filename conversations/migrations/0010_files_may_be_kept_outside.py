"""Files may be kept in a store outside, from which they have to be removed; pictures know their size."""

from django.db import migrations, models

import core.ids
import core.privacy.encrypted_fields
import core.tenancy.scope


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0009_conversations_by_mail_thread"),
    ]

    operations = [
        migrations.AddField(
            model_name="attachment",
            name="file_key",
            field=core.privacy.encrypted_fields.EncryptedTextField(
                help_text="The key of the bytes in a store outside.", null=True
            ),
        ),
        migrations.AddField(
            model_name="attachment",
            name="height",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="attachment",
            name="store",
            field=models.CharField(blank=True, help_text="The store outside that holds the bytes.", max_length=10),
        ),
        migrations.AddField(
            model_name="attachment",
            name="width",
            field=models.PositiveIntegerField(default=0, help_text="Of a picture; 0 if it doesn't say."),
        ),
        migrations.AlterField(
            model_name="attachment",
            name="content",
            field=core.privacy.encrypted_fields.EncryptedTextField(
                help_text="Base64 of the bytes, if the database holds them.", null=True
            ),
        ),
        migrations.CreateModel(
            name="FileRemoval",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("file_id", models.UUIDField()),
                ("store", models.CharField(max_length=10)),
                ("due_at", models.DateTimeField()),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
            ],
            options={
                "indexes": [models.Index(fields=["due_at"], name="removals_due")],
                "constraints": [models.UniqueConstraint(fields=("tenant_id", "file_id"), name="one_removal_per_file")],
            },
        ),
    ]
