"""Parked failures."""

from django.db import migrations, models

import core.clock
import core.ids
import core.tenancy.scope


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0001_streams_outbox_audit"),
    ]

    operations = [
        migrations.CreateModel(
            name="DeadLetter",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("kind", models.CharField(max_length=60)),
                ("ref", models.UUIDField()),
                (
                    "state",
                    models.CharField(
                        choices=[("parked", "parked"), ("replayed", "replayed"), ("discarded", "discarded")],
                        default="parked",
                        max_length=10,
                    ),
                ),
                ("error", models.CharField(blank=True, max_length=500)),
                ("times", models.PositiveIntegerField(default=1)),
                ("parked_at", models.DateTimeField(default=core.clock.now)),
                ("closed_at", models.DateTimeField(null=True)),
                ("closed_by", models.UUIDField(null=True)),
            ],
            options={
                "permissions": [("replay_deadletter", "Can replay or discard parked failures")],
                "indexes": [
                    models.Index(fields=["tenant_id", "state", "-parked_at"], name="dead_letters_by_state"),
                    models.Index(
                        condition=models.Q(("state", "parked")), fields=["parked_at"], name="dead_letters_parked"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "parked")),
                        fields=("tenant_id", "kind", "ref"),
                        name="one_parked_letter_per_row",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("closed_at", None), ("state", "parked")),
                            models.Q(("closed_at__isnull", False), ("state__in", ["replayed", "discarded"])),
                            _connector="OR",
                        ),
                        name="dead_letter_closed_with_time",
                    ),
                ],
            },
        ),
    ]
