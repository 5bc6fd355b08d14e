"""Adds what is known of upgrades: the releases that the database was brought to, and how far rows are filled."""

from django.db import migrations, models

import core.clock


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("core", "0007_retention"),
    ]

    operations = [
        migrations.CreateModel(
            name="Backfill",
            fields=[
                (
                    "name",
                    models.CharField(
                        help_text="Of the migration that declares it.",
                        max_length=120,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "position",
                    models.CharField(
                        blank=True,
                        help_text="The key of the last row that is done; empty at the beginning of a pass.",
                        max_length=64,
                    ),
                ),
                ("done", models.BigIntegerField(default=0, help_text="Rows that are filled.")),
                ("total", models.BigIntegerField(help_text="Rows that were to be filled when it began.", null=True)),
                ("moved_at", models.DateTimeField(null=True)),
                (
                    "finished_at",
                    models.DateTimeField(help_text="When a pass from the beginning found no row any more.", null=True),
                ),
                (
                    "last_error",
                    models.CharField(blank=True, help_text="The kind of error of the last batch.", max_length=60),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Upgrade",
            fields=[
                ("version", models.CharField(max_length=20, primary_key=True, serialize=False)),
                (
                    "came_from",
                    models.CharField(
                        blank=True, help_text="The release before; empty for a new database.", max_length=20
                    ),
                ),
                ("began_at", models.DateTimeField(default=core.clock.now)),
                ("expanded_at", models.DateTimeField(help_text="Since then its processes can run.", null=True)),
                (
                    "finished_at",
                    models.DateTimeField(help_text="Since then no process of an older version can run.", null=True),
                ),
            ],
        ),
    ]
