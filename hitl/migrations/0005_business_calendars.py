"""Working time of an answer, and levels that are open together."""

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models

import core.clock
import core.ids
import core.tenancy.scope


class Migration(migrations.Migration):
    """A level names a calendar's row instead of a word."""

    dependencies: ClassVar = [("hitl", "0004_decisions_by_day")]

    operations: ClassVar = [
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
        migrations.RemoveField(model_name="approvallevel", name="calendar"),
        migrations.AddField(
            model_name="approvallevel",
            name="calendar",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="levels",
                to="hitl.businesscalendar",
            ),
        ),
        migrations.AddField(
            model_name="approvallevel",
            name="parallel",
            field=models.BooleanField(default=False),
        ),
    ]
