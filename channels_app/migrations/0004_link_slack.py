"""Colleagues' own addresses, and messages about requests in Slack."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.clock
import core.ids
import core.privacy.encrypted_fields
import core.tenancy.scope


class Migration(migrations.Migration):
    dependencies = [
        ("channels_app", "0003_hold_deliveries_of_paused_channels"),
        ("conversations", "0013_add_slack"),
        ("hitl", "0021_simulate_on_history"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ColleagueAddress",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("address", core.privacy.encrypted_fields.EncryptedTextField()),
                ("address_digest", models.CharField(max_length=64)),
                ("code_digest", models.CharField(blank=True, max_length=64)),
                ("code_until", models.DateTimeField(null=True)),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("proven_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                (
                    "channel_account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="conversations.channelaccount"
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "colleague addresses",
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("proven_at__isnull", False)),
                        fields=("tenant_id", "channel_account", "address_digest"),
                        name="one_colleague_per_address",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("proven_at__isnull", False)),
                        fields=("tenant_id", "channel_account", "person"),
                        name="one_address_per_colleague",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("proven_at__isnull", True)),
                        fields=("tenant_id", "channel_account", "person"),
                        name="one_code_per_colleague",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SlackMessage",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("key", models.CharField(help_text="One message per key.", max_length=120)),
                ("template", models.CharField(max_length=60)),
                ("place", models.CharField(blank=True, help_text="Slack's id of the conversation.", max_length=40)),
                ("ts", models.CharField(blank=True, help_text="Slack's id of the message in it.", max_length=40)),
                ("shown_version", models.PositiveIntegerField(default=0)),
                ("is_settled", models.BooleanField(default=False)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                (
                    "due_at",
                    models.DateTimeField(default=core.clock.now, help_text="When it may be posted or updated again."),
                ),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                (
                    "approval",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="hitl.approval"
                    ),
                ),
                (
                    "channel_account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="conversations.channelaccount"
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        help_text="Whose direct message it is.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("is_settled", False)), fields=["due_at"], name="slack_messages_open"
                    )
                ],
                "constraints": [models.UniqueConstraint(fields=("tenant_id", "key"), name="one_slack_message_per_key")],
            },
        ),
        migrations.CreateModel(
            name="SlackRoute",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("channel", models.CharField(max_length=40)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                (
                    "workflow",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="hitl.approvalworkflow"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "workflow"), name="one_slack_channel_per_workflow")
                ],
            },
        ),
    ]
