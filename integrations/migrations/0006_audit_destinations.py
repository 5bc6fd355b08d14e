"""Adds the destinations of the audit log."""

from django.db import migrations, models

import core.clock
import core.ids
import core.privacy.encrypted_fields
import core.tenancy.scope


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("integrations", "0005_missing_webhook"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditDestination",
            fields=[
                ("lease_until", models.DateTimeField(help_text="Until then a worker has it.", null=True)),
                (
                    "fence",
                    models.PositiveIntegerField(
                        db_default=0, default=0, help_text="Which claim has it; each raises it."
                    ),
                ),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("name", models.CharField(max_length=80)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("syslog", "Syslog over TLS"),
                            ("https", "JSON lines by HTTPS"),
                            ("splunk", "Splunk HTTP Event Collector"),
                        ],
                        max_length=6,
                    ),
                ),
                ("address", core.privacy.encrypted_fields.EncryptedTextField()),
                ("token", core.privacy.encrypted_fields.EncryptedTextField(blank=True, default="")),
                (
                    "authority",
                    models.TextField(blank=True, default="", help_text="The only CA that its certificate may be from."),
                ),
                ("sent_seq", models.BigIntegerField(default=0, help_text="The number of the last entry that it has.")),
                (
                    "sent_hash",
                    models.CharField(blank=True, default="", help_text="The hash of that entry.", max_length=64),
                ),
                ("sent_at", models.DateTimeField(null=True)),
                ("failures", models.PositiveIntegerField(default=0, help_text="In a row.")),
                ("failing_since", models.DateTimeField(null=True)),
                ("last_error", models.CharField(blank=True, default="", max_length=60)),
                (
                    "paused_at",
                    models.DateTimeField(help_text="Set while a person keeps entries from being sent.", null=True),
                ),
                ("version", models.PositiveIntegerField(default=1)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "name"), name="one_audit_destination_per_name")
                ],
            },
        ),
    ]
