"""Grants to see personal data in clear for some minutes."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.clock
import core.ids
import core.tenancy.scope


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_tenants_people_keys")]

    operations = [
        migrations.CreateModel(
            name="RevealGrant",
            fields=[
                (
                    "id",
                    models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("object_type", models.CharField(max_length=60)),
                ("object_id", models.UUIDField()),
                ("fields", models.JSONField(default=list)),
                ("reason", models.CharField(max_length=500)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                ("expires_at", models.DateTimeField()),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["tenant_id", "user", "object_type", "object_id", "expires_at"],
                        name="reveals_by_object",
                    )
                ],
            },
        ),
    ]
