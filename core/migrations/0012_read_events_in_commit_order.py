"""Events are read in the order of their commits: the transaction of each, and how far each consumer is."""

from django.db import migrations, models

import core.clock
import core.db.transaction_ids
import core.ids
import core.tenancy.scope


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0011_webhooks_end_and_are_sent_again"),
    ]

    operations = [
        migrations.CreateModel(
            name="BusConsumer",
            fields=[
                ("name", models.CharField(max_length=60, primary_key=True, serialize=False)),
                ("start_xid", core.db.transaction_ids.TransactionIdField()),
                ("xid", core.db.transaction_ids.TransactionIdField()),
                ("event_id", models.UUIDField()),
                ("system", models.BigIntegerField()),
                (
                    "replayed_until",
                    models.DateTimeField(help_text="Until when a running replay has it for itself.", null=True),
                ),
            ],
            options={
                "verbose_name": "event consumer",
            },
        ),
        migrations.CreateModel(
            name="BusCursor",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("consumer", models.CharField(max_length=60)),
                ("xid", core.db.transaction_ids.TransactionIdField()),
                ("event_id", models.UUIDField()),
                ("system", models.BigIntegerField()),
                ("moved_at", models.DateTimeField(default=core.clock.now)),
                (
                    "tries",
                    models.PositiveSmallIntegerField(default=0, help_text="How often the next event has failed."),
                ),
                (
                    "retry_at",
                    models.DateTimeField(help_text="When the next event is tried again, after a failure.", null=True),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ParkedEvent",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("consumer", models.CharField(max_length=60)),
                ("event_id", models.UUIDField()),
                ("type", models.CharField(max_length=40)),
                ("parked_at", models.DateTimeField(default=core.clock.now)),
                ("done_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.AddField(
            model_name="streamevent",
            name="version",
            field=models.PositiveSmallIntegerField(
                help_text="Of its published shape; empty if the row only tells listeners.", null=True
            ),
        ),
        migrations.AddField(
            model_name="streamevent",
            name="xid",
            field=core.db.transaction_ids.TransactionIdField(
                db_default=core.db.transaction_ids.CurrentTransactionId(), editable=False
            ),
        ),
        migrations.AddIndex(
            model_name="streamevent",
            index=models.Index(
                condition=models.Q(("version__isnull", False)), fields=["xid", "id"], name="events_committed"
            ),
        ),
        migrations.AddIndex(
            model_name="streamevent",
            index=models.Index(
                condition=models.Q(("version__isnull", False)),
                fields=["tenant_id", "xid", "id"],
                name="events_to_consume",
            ),
        ),
        migrations.AddIndex(
            model_name="buscursor",
            index=models.Index(
                condition=models.Q(("retry_at__isnull", False)), fields=["retry_at"], name="bus_retries"
            ),
        ),
        migrations.AddConstraint(
            model_name="buscursor",
            constraint=models.UniqueConstraint(fields=("tenant_id", "consumer"), name="one_bus_cursor_per_consumer"),
        ),
        migrations.AddConstraint(
            model_name="parkedevent",
            constraint=models.UniqueConstraint(
                fields=("tenant_id", "consumer", "event_id"), name="one_parked_event_per_consumer"
            ),
        ),
    ]
