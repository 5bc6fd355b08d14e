"""Rights on single objects, for a role, a team or one person."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.clock
import core.ids
import core.tenancy.scope


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("accounts", "0018_linked_accounts"),
    ]

    operations = [
        migrations.CreateModel(
            name="Share",
            fields=[
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("conversation", "Conversation"),
                            ("approval", "Request"),
                            ("contact", "Contact"),
                            ("agent", "Agent"),
                        ],
                        max_length=12,
                    ),
                ),
                ("object_id", models.UUIDField(help_text="Of a table that may lie above this app.")),
                ("level", models.CharField(choices=[("see", "See"), ("act", "Act")], max_length=3)),
                (
                    "role",
                    models.CharField(
                        blank=True, default="", help_text="The key of the role that has it, if any.", max_length=14
                    ),
                ),
                ("team_id", models.UUIDField(help_text="The team that has it, if any.", null=True)),
                (
                    "ends_at",
                    models.DateTimeField(help_text="From when it allows nothing any more; null for never.", null=True),
                ),
                ("reason", models.CharField(help_text="Why, with personal data masked.", max_length=300)),
                (
                    "shared_by",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "permissions": [("share_objects", "Can share single objects with others")],
                "indexes": [
                    models.Index(fields=["tenant_id", "user"], name="shares_by_person"),
                    models.Index(
                        condition=models.Q(("ends_at__isnull", False)), fields=["ends_at"], name="shares_by_end"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "kind", "object_id", "role", "team_id", "user"),
                        name="one_share_per_object_and_grantee",
                        nulls_distinct=False,
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("role", ""), ("team_id", None), ("user__isnull", False)),
                            models.Q(("role", ""), ("team_id__isnull", False), ("user", None)),
                            models.Q(models.Q(("role", ""), _negated=True), ("team_id", None), ("user", None)),
                            _connector="OR",
                        ),
                        name="shares_have_one_grantee",
                    ),
                ],
            },
        ),
    ]
