"""Types of numbers that are never below zero.

A check constraint is read and planned with every statement that writes to its table, of any column. A type's own is
kept by the session and costs only where such a number is written.
"""

from django.db import migrations

TYPES = """
create domain walker_count as integer check (value >= 0);
create domain walker_small_count as smallint check (value >= 0);
alter table core_outbox
  alter attempts type walker_small_count, drop constraint core_outbox_attempts_check,
  alter fence type walker_count, drop constraint core_outbox_fence_check;
"""
NO_TYPES = """
alter table core_outbox
  alter attempts type smallint, add constraint core_outbox_attempts_check check (attempts >= 0),
  alter fence type integer, add constraint core_outbox_fence_check check (fence >= 0);
drop domain walker_count, walker_small_count;
"""


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("core", "0001_initial"),
    ]

    operations = [
        migrations.RunSQL(TYPES, NO_TYPES),
    ]
