"""Webhooks: endpoints that were switched off or removed, leases by endpoint, and the beginnings of answers."""

from django.db import migrations, models

import core.privacy.encrypted_fields


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0010_entries_and_consents_by_day"),
    ]

    operations = [
        migrations.AlterField(
            model_name="webhookendpoint",
            name="state",
            field=models.CharField(
                choices=[
                    ("active", "Active"),
                    ("paused", "Paused"),
                    ("gone", "Gone"),
                    ("off", "Switched off"),
                    ("removed", "Removed"),
                ],
                default="active",
                max_length=7,
            ),
        ),
        migrations.AddField(
            model_name="webhookendpoint",
            name="failing_since",
            field=models.DateTimeField(help_text="The first failed attempt since the last success.", null=True),
        ),
        migrations.AddField(
            model_name="webhookdelivery",
            name="claimed_until",
            field=models.DateTimeField(help_text="The end of the lease of the attempt that is under way.", null=True),
        ),
        migrations.AlterField(
            model_name="webhookdelivery",
            name="body",
            field=core.privacy.encrypted_fields.EncryptedTextField(
                help_text="The JSON that is sent; most purposes drop it once it is delivered.", null=True
            ),
        ),
        migrations.AddField(
            model_name="webhookattempt",
            name="answer",
            field=core.privacy.encrypted_fields.EncryptedTextField(
                help_text="The beginning of the answer, masked; most purposes keep none.", null=True
            ),
        ),
        migrations.RemoveIndex(model_name="webhookdelivery", name="webhooks_to_deliver"),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(
                condition=models.Q(("state", "waiting")), fields=["endpoint", "due_at"], name="webhooks_to_deliver"
            ),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(
                condition=models.Q(("claimed_until__isnull", False)), fields=["endpoint"], name="webhooks_under_way"
            ),
        ),
    ]
