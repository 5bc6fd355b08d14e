"""Limits on what is carried out, and how a tenant weighs risks."""

from typing import ClassVar

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.clock
import core.ids
import core.tenancy.scope


class Migration(migrations.Migration):
    """Caps with their reservations, and versions of the weights."""

    dependencies: ClassVar = [
        ("hitl", "0006_workflow_conditions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations: ClassVar = [
        migrations.AddField(
            model_name="approval",
            name="risk_policy",
            field=models.PositiveIntegerField(default=0),
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
            name="CapReservation",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("revision", models.PositiveIntegerField()),
                ("period", models.CharField(max_length=10)),
                ("amount", models.DecimalField(decimal_places=2, max_digits=16)),
                (
                    "state",
                    models.CharField(
                        choices=[("reserved", "Reserved"), ("committed", "Spent"), ("released", "Given back")],
                        default="reserved",
                        max_length=10,
                    ),
                ),
                ("created_at", models.DateTimeField(default=core.clock.now)),
                ("settled_at", models.DateTimeField(null=True)),
                (
                    "approval",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="reservations", to="hitl.approval"
                    ),
                ),
                (
                    "cap",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="reservations", to="hitl.cap"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("state__in", ["reserved", "committed"])),
                        fields=["tenant_id", "cap", "period"],
                        name="reservations_that_count",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "cap", "approval", "revision"), name="one_reservation_per_revision"
                    )
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
                ("created_at", models.DateTimeField(default=core.clock.now)),
                (
                    "made_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "version"), name="one_risk_policy_per_version")
                ],
            },
        ),
    ]
