"""A row about each call of a provider that sends no message of a conversation."""

import django.db.models.deletion
from django.db import migrations, models

import core.clock
import core.ids
import core.tenancy.scope


class Migration(migrations.Migration):
    dependencies = [
        ("channels_app", "0004_link_slack"),
        ("conversations", "0014_add_slack"),
    ]

    operations = [
        migrations.CreateModel(
            name="ProviderCall",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "what",
                    models.CharField(help_text="A method, or what was sent: a notice, a code, a test.", max_length=40),
                ),
                ("started_at", models.DateTimeField(default=core.clock.now)),
                (
                    "outcome",
                    models.CharField(
                        choices=[("succeeded", "Succeeded"), ("failed", "Failed"), ("unknown", "Unknown")], max_length=9
                    ),
                ),
                (
                    "http_status",
                    models.PositiveSmallIntegerField(help_text="What the provider answered.", null=True),
                ),
                ("code", models.CharField(blank=True, max_length=80)),
                ("milliseconds", models.PositiveIntegerField()),
                (
                    "channel_account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="conversations.channelaccount",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["tenant_id", "channel_account", "id"], name="calls_by_account")],
            },
        ),
    ]
