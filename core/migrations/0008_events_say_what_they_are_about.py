"""What the queue tells about an approval says so in a column, by which the approval's stream is read from it."""

from typing import Any, ClassVar
from uuid import UUID

from django.db import migrations, models, transaction

BATCH = 5000
_FIRST = UUID(int=0)
_COLUMN = "alter table core_streamevent add column if not exists about uuid"
# What was told under an approval's own name is in the queue too, where it is read from now on.
_STEP = """
with batch as (select id, stream from core_streamevent where id > %s order by id limit %s),
marked as (
  update core_streamevent e set about = (e.payload ->> 'approval_id')::uuid from batch
  where e.id = batch.id and batch.stream = 'queue' and e.about is null and e.payload ? 'approval_id'
),
gone as (delete from core_streamevent e using batch where e.id = batch.id and batch.stream like 'approval:%%')
select id from batch order by id desc limit 1
"""
_HEADS = "delete from core_streamhead where stream like 'approval:%'"
# One that was left half made is made anew.
_INDEX = (
    "drop index concurrently if exists events_about",
    "create index concurrently events_about on core_streamevent (tenant_id, about, seq) where about is not null",
)


def mark_all(_apps: Any, schema_editor: Any) -> None:
    """Go through by keyset, each batch in a transaction of its own: killed and run again, it does what is left."""
    last: UUID | None = _FIRST
    while last is not None:
        last = _mark_after(last, schema_editor.connection)


def _mark_after(last: UUID, connection: Any) -> UUID | None:
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute(_STEP, [last, BATCH])
        found = cursor.fetchone()
    return found[0] if found else None


class Migration(migrations.Migration):
    """Nobody waits for longer than a moment: the column is empty at first, and the index is made beside all work."""

    atomic = False
    dependencies: ClassVar = [("core", "0007_numbers_of_their_own_type")]
    operations: ClassVar = [
        migrations.SeparateDatabaseAndState(
            [migrations.RunSQL(_COLUMN, "alter table core_streamevent drop column about")],
            [
                migrations.AddField(
                    "streamevent",
                    "about",
                    models.UUIDField(null=True, help_text="The one thing by which the stream is also read."),
                )
            ],
        ),
        migrations.RunPython(mark_all, migrations.RunPython.noop),
        migrations.RunSQL(_HEADS, migrations.RunSQL.noop),
        migrations.SeparateDatabaseAndState(
            [migrations.RunSQL(step, migrations.RunSQL.noop) for step in _INDEX],
            [
                migrations.AddIndex(
                    "streamevent",
                    models.Index(
                        fields=["tenant_id", "about", "seq"],
                        name="events_about",
                        condition=models.Q(about__isnull=False),
                    ),
                )
            ],
        ),
    ]
