"""Answers kept by idempotency key."""

from django.db import migrations, models

import core.clock
import core.ids
import core.privacy.encrypted_fields
import core.tenancy.scope


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0002_dead_letters"),
    ]

    operations = [
        migrations.CreateModel(
            name="IdempotencyRecord",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("scope", models.CharField(max_length=60)),
                ("key_digest", models.CharField(max_length=64)),
                ("request_digest", models.CharField(max_length=64)),
                (
                    "state",
                    models.CharField(
                        choices=[("running", "running"), ("finished", "finished")], default="running", max_length=10
                    ),
                ),
                ("status", models.PositiveSmallIntegerField(null=True)),
                ("answer", core.privacy.encrypted_fields.EncryptedJSONField(null=True)),
                ("created_at", models.DateTimeField(default=core.clock.now)),
                ("lease_until", models.DateTimeField()),
            ],
            options={
                "indexes": [models.Index(fields=["created_at"], name="idempotency_by_age")],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "scope", "key_digest"), name="one_record_per_key")
                ],
            },
        ),
    ]
