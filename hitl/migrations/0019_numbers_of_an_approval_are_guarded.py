"""The guard of approvals refuses numbers below zero, in place of fifteen constraints read anew with every statement."""

from importlib import import_module
from typing import ClassVar

from django.db import migrations

_before = import_module("hitl.migrations.0018_usual_moves_pass_the_guard_at_once").GUARD
_INTEGERS = "version kind_version revision risk_policy workflow_version sla_minutes_over".split()
_SMALL = (
    "risk_score risk_version level votes_required votes_received priority rounds ladder_step reminder_count".split()
)
NUMBERS = [*_INTEGERS, *_SMALL]


def _least(columns: list[str]) -> str:
    return f"least({', '.join(f'new.{column}' for column in columns)})"


_NEGATIVE = f"""begin
  if {_least(_INTEGERS)} < 0 or {_least(_SMALL)} < 0 then
    raise exception 'a number of an approval is below zero' using errcode = '23514';
  end if;
"""
GUARD = _before.replace("begin\n", _NEGATIVE, 1)
_DROPPED = ", ".join(f"drop constraint if exists hitl_approval_{column}_check" for column in NUMBERS)
_ADDED = ", ".join(f"add constraint hitl_approval_{column}_check check ({column} >= 0)" for column in NUMBERS)


class Migration(migrations.Migration):
    """Let the function behind the trigger look at the numbers, then drop the constraints that say the same."""

    dependencies: ClassVar = [("hitl", "0018_usual_moves_pass_the_guard_at_once")]
    operations: ClassVar = [
        migrations.RunSQL(GUARD, _before),
        migrations.RunSQL(f"alter table hitl_approval {_DROPPED}", f"alter table hitl_approval {_ADDED}"),
    ]
