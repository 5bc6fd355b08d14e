"""What is set before anybody asks: workflows, approver groups, calendars, limits, switches."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.clock
import core.ids
import core.tenancy.scope


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ApproverGroup",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("name", models.CharField(max_length=80)),
                ("version", models.PositiveIntegerField(default=1)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("tenant_id", "name"), name="one_group_per_name")],
            },
        ),
        migrations.CreateModel(
            name="GroupMember",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "group",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="members", to="hitl.approvergroup"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("tenant_id", "group", "user"), name="one_place_each")],
            },
        ),
        migrations.CreateModel(
            name="BusinessCalendar",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("name", models.CharField(max_length=60)),
                ("zone", models.CharField(max_length=60)),
                ("week", models.JSONField(default=dict)),
                ("holidays", models.JSONField(blank=True, default=list)),
                ("version", models.PositiveIntegerField(default=1)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("tenant_id", "name"), name="one_calendar_per_name")],
            },
        ),
        migrations.CreateModel(
            name="ApprovalWorkflow",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("name", models.CharField(max_length=80)),
                ("description", models.CharField(blank=True, max_length=300)),
                ("is_active", models.BooleanField(default=True)),
                ("is_default", models.BooleanField(default=False)),
                ("priority", models.IntegerField(default=0)),
                ("version", models.PositiveIntegerField(default=1)),
                (
                    "kinds",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=60), blank=True, default=list, size=None
                    ),
                ),
                (
                    "risk_levels",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=10), blank=True, default=list, size=None
                    ),
                ),
                ("min_cost", models.DecimalField(blank=True, decimal_places=2, max_digits=16, null=True)),
                ("max_cost", models.DecimalField(blank=True, decimal_places=2, max_digits=16, null=True)),
                ("currency", models.CharField(blank=True, max_length=3)),
                (
                    "agents",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.UUIDField(), blank=True, default=list, size=None
                    ),
                ),
                (
                    "channels",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=20), blank=True, default=list, size=None
                    ),
                ),
                (
                    "contact_tags",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=60), blank=True, default=list, size=None
                    ),
                ),
                ("time_window", models.JSONField(blank=True, default=dict)),
                ("condition", models.CharField(blank=True, max_length=500)),
                ("expire_hours", models.PositiveIntegerField(default=72)),
                ("execute_within_hours", models.PositiveIntegerField(default=24)),
                ("auto_rules", models.JSONField(blank=True, default=list)),
                ("edit_policy", models.JSONField(blank=True, default=dict)),
                ("escalation", models.JSONField(blank=True, default=list)),
                ("reminder_every_hours", models.PositiveIntegerField(default=0)),
                ("reminder_max", models.PositiveSmallIntegerField(default=0)),
                (
                    "notify_by",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=20), blank=True, default=list, size=None
                    ),
                ),
                ("allow_override", models.BooleanField(default=False)),
                ("distinct_approvers", models.BooleanField(default=False)),
                ("open_per_agent", models.PositiveSmallIntegerField(default=50)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
            ],
            options={
                "permissions": [("manage_workflow", "Can change workflows and limits")],
                "indexes": [models.Index(fields=["tenant_id", "is_active"], name="workflows_active")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("is_active", True), ("is_default", True)),
                        fields=("tenant_id",),
                        name="one_default_workflow",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ApprovalLevel",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "workflow",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="levels", to="hitl.approvalworkflow"
                    ),
                ),
                ("order", models.PositiveSmallIntegerField(default=1)),
                ("name", models.CharField(blank=True, max_length=80)),
                (
                    "mode",
                    models.CharField(
                        choices=[
                            ("any", "Any one"),
                            ("all", "Everyone"),
                            ("quorum", "A number of them"),
                            ("per_group", "One of each group"),
                        ],
                        default="any",
                        max_length=10,
                    ),
                ),
                ("quorum", models.PositiveSmallIntegerField(default=1)),
                ("reject_threshold", models.PositiveSmallIntegerField(default=1)),
                ("approvers", models.JSONField(default=list)),
                ("sla_hours", models.PositiveIntegerField(default=8)),
                ("parallel", models.BooleanField(default=False)),
                (
                    "calendar",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="levels",
                        to="hitl.businesscalendar",
                    ),
                ),
                ("require_reason", models.BooleanField(default=False)),
                ("min_auth", models.CharField(blank=True, max_length=10)),
                (
                    "editable_fields",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=60), blank=True, default=list, size=None
                    ),
                ),
            ],
            options={
                "ordering": ["order"],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "workflow", "order"), name="one_level_per_place")
                ],
            },
        ),
        migrations.CreateModel(
            name="RiskPolicy",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("version", models.PositiveIntegerField()),
                ("weights", models.JSONField(default=dict)),
                ("kind_points", models.JSONField(default=dict)),
                ("reason", models.CharField(blank=True, max_length=300)),
                (
                    "made_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("created_at", models.DateTimeField(default=core.clock.now)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "version"), name="one_risk_policy_per_version")
                ],
            },
        ),
        migrations.CreateModel(
            name="LinkPolicy",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("version", models.PositiveIntegerField()),
                ("is_on", models.BooleanField()),
                ("reason", models.CharField(blank=True, max_length=300)),
                (
                    "made_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("created_at", models.DateTimeField(default=core.clock.now)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "version"), name="one_link_policy_per_version")
                ],
            },
        ),
        migrations.CreateModel(
            name="Cap",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "scope",
                    models.CharField(
                        choices=[("all", "Everything"), ("kind", "One kind of action"), ("agent", "One agent")],
                        default="all",
                        max_length=10,
                    ),
                ),
                ("target", models.CharField(blank=True, max_length=60)),
                ("currency", models.CharField(max_length=3)),
                ("amount", models.DecimalField(decimal_places=2, max_digits=16)),
                (
                    "window",
                    models.CharField(choices=[("day", "A day"), ("month", "A month")], default="day", max_length=10),
                ),
                ("is_active", models.BooleanField(default=True)),
                ("version", models.PositiveIntegerField(default=1)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("is_active", True)),
                        fields=("tenant_id", "scope", "target", "currency", "window"),
                        name="one_cap_each",
                    ),
                    models.CheckConstraint(condition=models.Q(("amount__gte", 0)), name="caps_not_negative"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Delegation",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "from_person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "to_person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "opened_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("starts_at", models.DateTimeField(default=core.clock.now)),
                ("until", models.DateTimeField()),
                ("reason", models.CharField(blank=True, max_length=200)),
                ("applied_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [models.Index(fields=["tenant_id", "from_person", "until"], name="delegations_by_giver")],
            },
        ),
        migrations.CreateModel(
            name="KillSwitch",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "scope",
                    models.CharField(
                        choices=[("tenant", "Everything"), ("agent", "One agent"), ("kind", "One kind of action")],
                        max_length=10,
                    ),
                ),
                ("target", models.CharField(blank=True, max_length=60)),
                ("reason", models.CharField(max_length=300)),
                (
                    "activated_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("activated_at", models.DateTimeField(default=core.clock.now)),
                (
                    "released_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("released_at", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("released_at__isnull", True)),
                        fields=("tenant_id", "scope", "target"),
                        name="one_switch_per_target",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="GlobalKillSwitch",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("reason", models.CharField(max_length=300)),
                ("activated_at", models.DateTimeField(default=core.clock.now)),
                ("released_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Counter",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("name", models.CharField(max_length=30)),
                ("value", models.BigIntegerField()),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("tenant_id", "name"), name="one_counter_per_name")],
            },
        ),
    ]
