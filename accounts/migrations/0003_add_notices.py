"""Add notices: short messages for people, which any app can leave."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.clock
import core.ids
import core.tenancy.scope


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_guard_erasures"),
    ]

    operations = [
        migrations.CreateModel(
            name="Notice",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("kind", models.CharField(max_length=40)),
                ("title", models.CharField(max_length=120)),
                ("body", models.CharField(blank=True, max_length=300)),
                ("link", models.CharField(blank=True, help_text="A path of our own site.", max_length=300)),
                (
                    "level",
                    models.CharField(
                        choices=[("info", "Information"), ("warning", "Warning"), ("alert", "Alert")],
                        default="info",
                        max_length=7,
                    ),
                ),
                ("dedupe_key", models.CharField(blank=True, max_length=200)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                ("seen_at", models.DateTimeField(null=True)),
                (
                    "person",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["tenant_id", "person", "-id"], name="notices_by_person"),
                    models.Index(
                        condition=models.Q(("seen_at", None)),
                        fields=["tenant_id", "person", "-id"],
                        name="unseen_notices",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("dedupe_key", ""), _negated=True),
                        fields=("tenant_id", "person", "dedupe_key"),
                        name="one_notice_per_person_and_key",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("link", ""), ("link__regex", "^/([^/\\\\]|$)"), _connector="OR"),
                        name="notices_link_to_our_own_site",
                    ),
                ],
            },
        ),
    ]
