"""Accounts with outside providers."""

from django.db import migrations, models

import core.clock
import core.ids
import core.privacy.encrypted_fields
import core.tenancy.scope


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="ProviderAccount",
            fields=[
                (
                    "id",
                    models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "tenant_id",
                    models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False),
                ),
                (
                    "provider",
                    models.CharField(choices=[("sandbox_ads", "Sandbox marketing platform")], max_length=32),
                ),
                ("name", models.CharField(max_length=120)),
                ("credentials", core.privacy.encrypted_fields.EncryptedJSONField()),
                ("is_active", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("is_active", True)),
                        fields=("tenant_id", "provider"),
                        name="one_active_account_per_provider",
                    )
                ],
            },
        ),
    ]
