"""Add sites whose pages are fetched as documents."""

import django.db.models.deletion
from django.db import migrations, models

import core.clock
import core.ids
import core.tenancy.scope


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0009_add_flow_servers"),
    ]

    operations = [
        migrations.AlterField(
            model_name="document",
            name="state",
            field=models.CharField(
                choices=[
                    ("reading", "Being read"),
                    ("ready", "Ready"),
                    ("failed", "Failed"),
                    ("gone", "No longer on the site"),
                    ("deleted", "Deleted"),
                ],
                default="reading",
                max_length=7,
            ),
        ),
        migrations.CreateModel(
            name="Site",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("address", models.URLField(max_length=1000)),
                ("language", models.CharField(default="en", help_text="Of pages that don't say theirs.", max_length=2)),
                (
                    "every_hours",
                    models.PositiveSmallIntegerField(default=0, help_text="0: only when somebody asks for it."),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("fetching", "Being fetched"),
                            ("ready", "Ready"),
                            ("failed", "Failed"),
                        ],
                        default="waiting",
                        max_length=8,
                    ),
                ),
                ("trouble", models.CharField(blank=True, max_length=40)),
                (
                    "pages",
                    models.PositiveIntegerField(default=0, help_text="Read so far, or by the last walk over it."),
                ),
                (
                    "walk",
                    models.JSONField(default=dict, help_text="How far the walk over it is; empty between two walks."),
                ),
                ("due_at", models.DateTimeField(null=True)),
                ("lease_until", models.DateTimeField(null=True)),
                ("fetched_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                (
                    "collection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="sites", to="agents.collection"
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="document",
            name="site",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="documents", to="agents.site"
            ),
        ),
        migrations.AddIndex(
            model_name="site",
            index=models.Index(fields=["due_at"], name="sites_to_fetch"),
        ),
    ]
