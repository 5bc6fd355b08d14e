"""Indexes by which lists and charts read what they show and not the years behind it."""

from typing import ClassVar

from django.db import migrations, models

# Days of a chart are read from indexes alone as long as the table was vacuumed: after a fiftieth of its rows is
# new or changed, not after a fifth.
_TABLES = ("hitl_approval", "hitl_seat", "hitl_decision", "hitl_notification")
_SOON = ("autovacuum_vacuum_scale_factor", "autovacuum_vacuum_insert_scale_factor", "autovacuum_analyze_scale_factor")


class Migration(migrations.Migration):
    dependencies: ClassVar = [("hitl", "0009_groups_count_their_versions")]
    operations: ClassVar = [
        migrations.RemoveIndex(model_name="approval", name="approvals_by_decision"),
        migrations.AddIndex(
            model_name="approval",
            index=models.Index(fields=["tenant_id", "risk_level", "-id"], name="approvals_by_risk"),
        ),
        migrations.AddIndex(
            model_name="approval",
            index=models.Index(fields=["tenant_id", "decided_at"], include=("state",), name="approvals_decided_by_day"),
        ),
        migrations.AddIndex(
            model_name="decision",
            index=models.Index(
                fields=["tenant_id", "-id"],
                name="verdicts_newest",
                condition=models.Q(("verdict__in", ["approve", "reject"])),
            ),
        ),
        migrations.RunSQL(
            [f"alter table {table} set ({', '.join(f'{name} = 0.02' for name in _SOON)})" for table in _TABLES],
            [f"alter table {table} reset ({', '.join(_SOON)})" for table in _TABLES],
        ),
    ]
