"""Bound numbers by their types, or by the guard of approvals, in place of check constraints.

Constraints are read and planned with every statement that writes to their table. Those of an approval are in the guard.
"""

from collections.abc import Iterator

from django.db import migrations

GUARDED = (
    "version kind_version revision risk_policy workflow_version sla_minutes_over risk_score risk_version level"
    " votes_required votes_received priority rounds escalation_step reminder_count"
).split()
COUNT, SMALL = ("walker_count", "integer"), ("walker_small_count", "smallint")
TYPES = {
    "hitl_timer": {"revision": COUNT, "level": SMALL, "attempts": SMALL, "fence": COUNT},
    "hitl_assignment": {"revision": COUNT, "level": SMALL},
    "hitl_notification": {
        "revision": COUNT,
        "level": SMALL,
        "reminder_number": SMALL,
        "attempts": SMALL,
        "fence": COUNT,
    },
    "hitl_decision": {"revision": COUNT, "level": SMALL},
    "hitl_execution": {"revision": COUNT, "fence": COUNT, "attempt": SMALL},
}


def changes() -> Iterator[migrations.RunSQL]:
    """Yield one change of each table, with its way back."""
    there = ", ".join(f"drop constraint hitl_approval_{name}_check" for name in GUARDED)
    back = ", ".join(f"add constraint hitl_approval_{name}_check check ({name} >= 0)" for name in GUARDED)
    yield migrations.RunSQL(f"alter table hitl_approval {there}", f"alter table hitl_approval {back}")
    for table, columns in TYPES.items():
        there = ", ".join(
            f"alter {name} type {new}, drop constraint {table}_{name}_check" for name, (new, _) in columns.items()
        )
        back = ", ".join(
            f"alter {name} type {old}, add constraint {table}_{name}_check check ({name} >= 0)"
            for name, (_, old) in columns.items()
        )
        yield migrations.RunSQL(f"alter table {table} {there}", f"alter table {table} {back}")


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("hitl", "0002_initial"),
        ("core", "0002_number_types"),
    ]

    operations = [*changes()]
