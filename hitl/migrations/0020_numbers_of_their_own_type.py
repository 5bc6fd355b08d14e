"""Numbers of what is written with every move are bounded by their types or the guard, in place of constraints."""

from collections.abc import Iterator
from importlib import import_module
from typing import ClassVar

from django.db import migrations

_before = import_module("hitl.migrations.0019_numbers_of_an_approval_are_guarded").GUARD
GUARD = _before.replace(
    " < 0 then\n    raise exception 'a number of an approval is below zero'",
    " < 0 or new.risk_score > 100 then\n    raise exception 'a number of an approval is out of bounds'",
)
_COUNT, _SMALL = ("walker_count", "integer"), ("walker_small_count", "smallint")
NUMBERS = {
    "hitl_timer": {"revision": _COUNT, "level": _SMALL, "attempts": _SMALL},
    "hitl_seat": {"revision": _COUNT, "level": _SMALL},
    "hitl_notification": {"revision": _COUNT, "level": _SMALL, "reminder_number": _SMALL, "attempts": _SMALL},
    "hitl_decision": {"revision": _COUNT, "level": _SMALL},
    "hitl_execution": {"revision": _COUNT, "fence": _COUNT, "attempt": _SMALL},
}


def _changes() -> Iterator[migrations.RunSQL]:
    for table, columns in NUMBERS.items():
        there = [
            f"alter {name} type {new}, drop constraint if exists {table}_{name}_check"
            for name, (new, _) in columns.items()
        ]
        back = [
            f"alter {name} type {old}, add constraint {table}_{name}_check check ({name} >= 0)"
            for name, (_, old) in columns.items()
        ]
        yield migrations.RunSQL(f"alter table {table} {', '.join(there)}", f"alter table {table} {', '.join(back)}")


class Migration(migrations.Migration):
    """Give the columns their types; each table is written anew once."""

    dependencies: ClassVar = [
        ("hitl", "0019_numbers_of_an_approval_are_guarded"),
        ("core", "0007_numbers_of_their_own_type"),
    ]
    operations: ClassVar = [
        *_changes(),
        migrations.RunSQL(GUARD, _before),
        migrations.RemoveConstraint("approval", "risk_score_within_100"),
    ]
