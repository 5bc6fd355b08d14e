"""Adds cursors of readings, and the mirror of ad campaigns."""

import django.db.models.deletion
from django.db import migrations, models

import core.ids
import core.privacy.encrypted_fields
import core.tenancy.scope


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("integrations", "0003_provider_calls"),
    ]

    operations = [
        migrations.CreateModel(
            name="MirroredAdCampaign",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("key", models.CharField(help_text="The vendor's id.", max_length=60)),
                ("name", models.CharField(max_length=300)),
                ("status", models.CharField(help_text="As requests name it, such as paused.", max_length=40)),
                (
                    "daily_budget",
                    models.CharField(blank=True, help_text="An amount as in requests; empty for none.", max_length=40),
                ),
                ("currency", models.CharField(max_length=3)),
                ("changed", models.JSONField(default=list, help_text="What the last change that was seen is about.")),
                (
                    "changed_at",
                    models.DateTimeField(help_text="By the vendor's change log, or when it was seen.", null=True),
                ),
                (
                    "changed_by",
                    core.privacy.encrypted_fields.EncryptedTextField(
                        blank=True, default="", help_text="Empty if the change log doesn't say it."
                    ),
                ),
                ("is_ours", models.BooleanField(default=False, help_text="The last change was made by Walker.")),
                ("seen_at", models.DateTimeField()),
                ("gone_at", models.DateTimeField(help_text="Since then the vendor doesn't return it.", null=True)),
                (
                    "connection",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="ad_campaigns",
                        to="integrations.provideraccount",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "connection", "key"), name="one_mirror_per_ad_campaign"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SyncCursor",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("lease_until", models.DateTimeField(help_text="Until then a worker has it.", null=True)),
                (
                    "fence",
                    models.PositiveIntegerField(
                        db_default=0, default=0, help_text="Which claim has it; each raises it."
                    ),
                ),
                ("stream", models.CharField(max_length=32)),
                (
                    "position",
                    models.JSONField(
                        default=dict, help_text="Where the next page begins; of the vendor and the reading."
                    ),
                ),
                (
                    "digest",
                    models.CharField(
                        blank=True, default="", help_text="Of what the last reading returned.", max_length=64
                    ),
                ),
                ("last_success_at", models.DateTimeField(help_text="When all pages had been read.", null=True)),
                ("failures", models.PositiveIntegerField(default=0, help_text="In a row.")),
                ("last_error", models.CharField(blank=True, default="", max_length=60)),
                ("paused_at", models.DateTimeField(null=True)),
                (
                    "connection",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="cursors",
                        to="integrations.provideraccount",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["lease_until"], name="sync_cursors_due")],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "connection", "stream"), name="one_cursor_per_stream")
                ],
            },
        ),
    ]
