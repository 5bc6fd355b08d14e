"""Decisions bear a seal; those that are there already get theirs."""

from typing import Any, ClassVar

from django.db import migrations, models

from hitl.sealing import seal

_BATCH = 1000
_ROWS = """
select id, tenant_id, approval_id, revision, level, digest, person_id, on_behalf_of_id, actor_kind, verdict, actor_name
from hitl_decision where seal = '' order by id limit %s
"""
# The table refuses every change, of its owner too; on a new database that is not so yet.
_OPEN = """
set constraints all immediate;
do $$ begin
  if exists (select from pg_trigger where tgname = 'walker_append_only' and tgrelid = 'hitl_decision'::regclass) then
    alter table hitl_decision {} trigger walker_append_only;
  end if;
end $$
"""


class _Row:
    """A decision as it is stored."""

    seal = ""

    def __init__(self, names: list[str], values: tuple[Any, ...]) -> None:
        self.__dict__.update(zip(names, values, strict=True))


def _seal_all(apps: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("select exists (select from hitl_decision)")
        if not cursor.fetchone()[0]:
            return
        cursor.execute(_OPEN.format("disable"))
        while _seal_some(cursor):
            pass
        cursor.execute(_OPEN.format("enable always"))


def _seal_some(cursor: Any) -> bool:
    cursor.execute(_ROWS, [_BATCH])
    names = [column.name for column in cursor.description]
    rows: list[Any] = [_Row(names, values) for values in cursor.fetchall()]
    for row in rows:
        seal(row)
    found = [[row.seal, row.id] for row in rows]
    cursor.executemany("update hitl_decision set seal = %s where id = %s", found)
    return bool(found)


class Migration(migrations.Migration):
    dependencies: ClassVar = [("hitl", "0012_fewer_indexes")]
    operations: ClassVar = [
        migrations.AddField(
            model_name="decision",
            name="seal",
            field=models.CharField(blank=True, db_default="", default="", max_length=90),
        ),
        migrations.RunPython(_seal_all, migrations.RunPython.noop, elidable=True),
    ]
