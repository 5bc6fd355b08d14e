"""Keep the reports of workers that were given up."""

import django.db.models.deletion
from django.db import migrations, models

import core.clock
import core.ids
import core.tenancy.scope


class Migration(migrations.Migration):
    dependencies = [
        ("hitl", "0007_say_why_links_ended"),
    ]

    operations = [
        migrations.CreateModel(
            name="LateReport",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("fence", models.PositiveIntegerField()),
                ("outcome", models.CharField(max_length=20)),
                ("reported_at", models.DateTimeField(default=core.clock.now)),
                (
                    "execution",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="late_reports", to="hitl.execution"
                    ),
                ),
            ],
            options={"abstract": False},
        ),
    ]
