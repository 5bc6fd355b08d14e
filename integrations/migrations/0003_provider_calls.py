"""Adds the pause of a connection and the record of calls over it."""

import django.db.models.deletion
from django.db import migrations, models

import core.clock
import core.ids
import core.tenancy.scope


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("integrations", "0002_connections"),
    ]

    operations = [
        migrations.AddField(
            model_name="provideraccount",
            name="paused_at",
            field=models.DateTimeField(help_text="Set while a person keeps calls from being made.", null=True),
        ),
        migrations.AddField(
            model_name="provideraccount",
            name="paused_reason",
            field=models.CharField(blank=True, db_default="", default="", max_length=200),
        ),
        migrations.CreateModel(
            name="ProviderCall",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("operation", models.CharField(max_length=60)),
                ("called_at", models.DateTimeField(default=core.clock.now)),
                ("milliseconds", models.PositiveIntegerField(null=True)),
                ("status", models.PositiveSmallIntegerField(null=True)),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("answered", "Answered"),
                            ("refused", "Refused"),
                            ("limited", "Too many calls"),
                            ("expired", "Authorisation refused"),
                            ("failed", "Failed there"),
                            ("unreadable", "Unreadable answer"),
                            ("not_sent", "Not sent"),
                            ("no_answer", "No answer"),
                            ("lost", "Interrupted"),
                        ],
                        max_length=12,
                    ),
                ),
                ("attempt", models.PositiveSmallIntegerField(default=1)),
                ("idempotency_key", models.CharField(blank=True, default="", max_length=120)),
                (
                    "connection",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="calls",
                        to="integrations.provideraccount",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["tenant_id", "connection", "id"], name="provider_calls_by_connection")
                ],
            },
        ),
    ]
