"""What providers delivered to our webhooks."""

import django.db.models.deletion
from django.db import migrations, models

import core.clock
import core.ids
import core.privacy.encrypted_fields
import core.tenancy.scope


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("conversations", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="InboundDelivery",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("provider", models.CharField(max_length=16)),
                (
                    "channel_account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="conversations.channelaccount"
                    ),
                ),
                ("event_key", models.CharField(max_length=200)),
                (
                    "queue_key",
                    models.CharField(help_text="Deliveries of one key are processed in order.", max_length=64),
                ),
                ("target", models.UUIDField(help_text="The message that a report is about.", null=True)),
                ("headers", models.JSONField(default=dict)),
                (
                    "body",
                    core.privacy.encrypted_fields.EncryptedTextField(
                        help_text="The raw bytes as Latin-1; dropped some time after processing.", null=True
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("received", "Received"), ("done", "Done"), ("parked", "Parked")],
                        default="received",
                        max_length=8,
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                (
                    "due_at",
                    models.DateTimeField(
                        default=core.clock.now, help_text="When it may be claimed: the end of a lease or a pause."
                    ),
                ),
                ("received_at", models.DateTimeField(default=core.clock.now)),
                ("done_at", models.DateTimeField(null=True)),
                ("error", models.CharField(blank=True, max_length=80)),
            ],
            options={
                "verbose_name_plural": "inbound deliveries",
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "received")),
                        fields=["channel_account", "queue_key", "id"],
                        name="deliveries_in_line",
                    ),
                    models.Index(condition=models.Q(("state", "received")), fields=["id"], name="deliveries_to_work"),
                    models.Index(fields=["tenant_id", "received_at"], name="deliveries_by_day"),
                    models.Index(
                        condition=models.Q(("body__isnull", False), ("state", "done")),
                        fields=["done_at"],
                        name="deliveries_to_forget",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "provider", "channel_account", "event_key"), name="one_delivery_per_event"
                    )
                ],
            },
        ),
    ]
