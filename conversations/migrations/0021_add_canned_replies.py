"""Canned replies."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.clock
import core.ids
import core.tenancy.scope


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0020_add_snoozing"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CannedReply",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("shortcut", models.CharField(help_text="What is typed after / to find it.", max_length=40)),
                ("title", models.CharField(max_length=80)),
                ("text", models.TextField()),
                ("version", models.PositiveIntegerField(default=1)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                (
                    "owner",
                    models.ForeignKey(
                        help_text="Only theirs.",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        help_text="Only of this team.",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="conversations.team",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "canned replies",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "shortcut", "owner", "team"),
                        name="one_canned_reply_per_shortcut",
                        nulls_distinct=False,
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("owner__isnull", True), ("team__isnull", True), _connector="OR"),
                        name="canned_reply_has_one_scope",
                    ),
                ],
            },
        ),
    ]
