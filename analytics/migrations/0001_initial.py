"""Daily briefs and how each person wants them."""

import datetime

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import analytics.models.briefs
import core.clock
import core.ids
import core.privacy.encrypted_fields
import core.tenancy.scope


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="BriefPreference",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("is_on", models.BooleanField(default=False, verbose_name="on")),
                ("at", models.TimeField(default=datetime.time(7, 30), verbose_name="local time")),
                ("zone", models.CharField(default="UTC", max_length=64, verbose_name="time zone")),
                (
                    "sections",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=20),
                        default=analytics.models.briefs.every_section,
                        size=None,
                    ),
                ),
                (
                    "language",
                    models.CharField(
                        choices=[("en", "English"), ("de", "Deutsch"), ("fr", "Français")], default="en", max_length=2
                    ),
                ),
                ("next_due_at", models.DateTimeField(null=True, verbose_name="next")),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                ("changed_at", models.DateTimeField(default=core.clock.now)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("next_due_at__isnull", False)), fields=["next_due_at"], name="briefs_due"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "user"), name="one_preference_per_person"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("is_on", True), ("next_due_at__isnull", False)),
                            models.Q(("is_on", False), ("next_due_at__isnull", True)),
                            _connector="OR",
                        ),
                        name="a_brief_that_is_on_is_due_some_time",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Brief",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("daily", "Daily"), ("asked", "On request")], default="daily", max_length=5
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("working", "In progress"),
                            ("sent", "Sent"),
                            ("skipped", "Skipped"),
                            ("failed", "Failed"),
                        ],
                        default="queued",
                        max_length=7,
                    ),
                ),
                ("local_date", models.DateField(verbose_name="day")),
                ("due_at", models.DateTimeField(default=core.clock.now)),
                ("reason", models.CharField(blank=True, max_length=40)),
                ("content", core.privacy.encrypted_fields.EncryptedJSONField(null=True)),
                ("delivery_id", models.UUIDField(null=True)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("lease_until", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                ("sent_at", models.DateTimeField(null=True, verbose_name="sent")),
                ("opened_at", models.DateTimeField(null=True, verbose_name="opened")),
                ("clicked_at", models.DateTimeField(null=True, verbose_name="clicked")),
            ],
            options={
                "indexes": [
                    models.Index(fields=["tenant_id", "user", "-id"], name="briefs_of_person"),
                    models.Index(fields=["tenant_id", "id"], name="briefs_of_tenant"),
                    models.Index(fields=["created_at"], name="briefs_by_age"),
                    models.Index(
                        condition=models.Q(("state__in", ["queued", "working"])),
                        fields=["lease_until"],
                        name="briefs_to_make",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("kind", "daily")),
                        fields=("tenant_id", "user", "local_date"),
                        name="one_daily_brief_per_local_date",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("kind", "asked"), ("state__in", ["queued", "working"])),
                        fields=("tenant_id", "user"),
                        name="one_brief_asked_for_at_a_time",
                    ),
                ],
            },
        ),
    ]
