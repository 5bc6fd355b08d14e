"""Counts by table how many rows are encrypted again with a new key."""

from django.db import migrations, models

import core.clock


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("core", "0004_guard_audit_heads"),
    ]

    operations = [
        migrations.CreateModel(
            name="KeyRotation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key_id", models.CharField(max_length=16)),
                ("model", models.CharField(help_text="The label of the table's model.", max_length=80)),
                ("done", models.PositiveBigIntegerField(default=0)),
                (
                    "total",
                    models.PositiveBigIntegerField(
                        default=0, help_text="The rows that are done, and those still to do."
                    ),
                ),
                ("changed_at", models.DateTimeField(default=core.clock.now)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("key_id", "model"), name="one_rotation_per_table"),
                ],
            },
        ),
    ]
