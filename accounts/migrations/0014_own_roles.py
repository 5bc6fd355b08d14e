"""Roles of an organisation's own; their keys are longer than those of the built-in ones."""

import django.contrib.postgres.fields
from django.db import migrations, models

import core.clock
import core.ids
import core.tenancy.scope

ROLES = [
    ("owner", "Owner"),
    ("admin", "Admin"),
    ("approver", "Approver"),
    ("support", "Support"),
    ("compliance", "Compliance"),
    ("viewer", "Viewer"),
]


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("accounts", "0013_organisation"),
    ]

    operations = [
        migrations.CreateModel(
            name="Role",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                ("key", models.CharField(max_length=14)),
                ("name", models.CharField(max_length=60)),
                (
                    "permissions",
                    django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=60), size=None),
                ),
                (
                    "sees",
                    models.CharField(
                        choices=[
                            ("all", "Conversations of all teams"),
                            ("teams", "Only conversations of their own teams, and those assigned to them"),
                            ("assigned", "Only conversations assigned to them"),
                        ],
                        default="all",
                        max_length=8,
                    ),
                ),
                (
                    "session_hours",
                    models.PositiveSmallIntegerField(
                        help_text="After how many hours its members prove again who they are; null for the usual "
                        "weeks.",
                        null=True,
                    ),
                ),
                ("version", models.PositiveIntegerField(default=1)),
                ("deleted_at", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "key"), name="one_role_per_key"),
                    models.UniqueConstraint(
                        condition=models.Q(("deleted_at", None)),
                        fields=("tenant_id", "name"),
                        name="one_role_per_name",
                    ),
                ],
            },
        ),
        migrations.RemoveConstraint(model_name="membership", name="some_roles_see_all_teams"),
        migrations.AlterField(
            model_name="membership",
            name="role",
            field=models.CharField(choices=ROLES, default="viewer", max_length=14),
        ),
        migrations.AlterField(
            model_name="invitation", name="role", field=models.CharField(choices=ROLES, max_length=14)
        ),
        migrations.AlterField(
            model_name="rolegroup", name="role", field=models.CharField(choices=ROLES, max_length=14)
        ),
        migrations.AddConstraint(
            model_name="membership",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("own_teams_only", False),
                    models.Q(("role__in", ["owner", "admin", "compliance"]), _negated=True),
                    _connector="OR",
                ),
                name="some_roles_see_all_teams",
            ),
        ),
    ]
