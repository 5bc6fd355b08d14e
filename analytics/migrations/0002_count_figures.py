"""Count figures by hour and day."""

from django.db import migrations, models

import core.ids
import core.tenancy.scope


class Migration(migrations.Migration):
    dependencies = [
        ("analytics", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="FigureDay",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("metric", models.CharField(max_length=40)),
                (
                    "dimension",
                    models.CharField(
                        choices=[
                            ("total", "Total"),
                            ("team", "Team"),
                            ("agent", "Agent"),
                            ("person", "Person"),
                            ("channel", "Channel"),
                            ("kind", "Kind"),
                        ],
                        max_length=8,
                    ),
                ),
                ("value", models.CharField(blank=True, max_length=80)),
                ("bucket", models.SmallIntegerField(default=-1)),
                ("currency", models.CharField(blank=True, max_length=3)),
                ("n", models.BigIntegerField()),
                ("total", models.DecimalField(decimal_places=6, max_digits=26)),
                ("day", models.DateField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "metric", "dimension", "day", "value", "bucket", "currency"),
                        name="one_figure_per_day",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="FigureHour",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("metric", models.CharField(max_length=40)),
                (
                    "dimension",
                    models.CharField(
                        choices=[
                            ("total", "Total"),
                            ("team", "Team"),
                            ("agent", "Agent"),
                            ("person", "Person"),
                            ("channel", "Channel"),
                            ("kind", "Kind"),
                        ],
                        max_length=8,
                    ),
                ),
                ("value", models.CharField(blank=True, max_length=80)),
                ("bucket", models.SmallIntegerField(default=-1)),
                ("currency", models.CharField(blank=True, max_length=3)),
                ("n", models.BigIntegerField()),
                ("total", models.DecimalField(decimal_places=6, max_digits=26)),
                ("hour", models.DateTimeField()),
            ],
            options={
                "indexes": [models.Index(fields=["hour"], name="figures_by_age")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "metric", "dimension", "hour", "value", "bucket", "currency"),
                        name="one_figure_per_hour",
                    )
                ],
            },
        ),
    ]
