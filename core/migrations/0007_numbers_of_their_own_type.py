"""Types of numbers that are never below zero: looked at where one is written, in place of a constraint of each table."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    """Make the types, and give them to the outbox.

    A check constraint is read and planned anew with every statement that writes to its table, of
    whatever column; a type's own is kept by the session and costs where such a number is written.
    """

    dependencies: ClassVar = [("core", "0006_erasures_keep_what_they_are_about")]
    operations: ClassVar = [
        migrations.RunSQL(
            "create domain walker_count as integer check (value >= 0);"
            "create domain walker_small_count as smallint check (value >= 0)",
            "drop domain walker_count, walker_small_count",
        ),
        migrations.RunSQL(
            "alter table core_outbox alter attempts type walker_small_count,"
            " drop constraint if exists core_outbox_attempts_check",
            "alter table core_outbox alter attempts type smallint,"
            " add constraint core_outbox_attempts_check check (attempts >= 0)",
        ),
    ]
