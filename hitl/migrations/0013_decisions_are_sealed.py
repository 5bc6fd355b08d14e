"""Decisions bear a seal; those that are there already get theirs, some at a time."""

from typing import Any, ClassVar
from uuid import UUID

from django.db import migrations, models, transaction

from hitl.approvals.decision_mac import sign as seal

BATCH = 1000
_FIRST = UUID(int=0)
_COLUMN = "alter table hitl_decision add column if not exists seal varchar(90) default '' not null"
_ROWS = """
select id, tenant_id, approval_id, revision, level, digest, person_id, on_behalf_of_id, actor_kind, verdict, actor_name,
  reason
from hitl_decision where id > %s and seal = '' order by id limit %s
"""
_SEAL = """
update hitl_decision set seal = given.seal from unnest(%s::uuid[], %s::text[]) as given(id, seal)
where hitl_decision.id = given.id
"""
# The table refuses every change, of its owner too; on a new database that is not so yet.
_GUARD = """
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


def seal_all(_apps: Any, schema_editor: Any) -> None:
    """Seal by keyset, each batch in a transaction of its own: killed and run again, it goes on where it was."""
    last: UUID | None = _FIRST
    while last is not None:
        last = _seal_after(last, schema_editor.connection)


def _seal_after(last: UUID, connection: Any) -> UUID | None:
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute(_ROWS, [last, BATCH])
        names = [column.name for column in cursor.description]
        rows: list[Any] = [_Row(names, values) for values in cursor.fetchall()]
        if not rows:
            return None
        for row in rows:
            seal(row)
        cursor.execute(_GUARD.format("disable"))
        cursor.execute(_SEAL, [[row.id for row in rows], [row.seal for row in rows]])
        cursor.execute(_GUARD.format("enable always"))
    found: UUID = rows[-1].id
    return found


class Migration(migrations.Migration):
    atomic = False
    dependencies: ClassVar = [("hitl", "0012_fewer_indexes")]
    operations: ClassVar = [
        migrations.SeparateDatabaseAndState(
            [migrations.RunSQL(_COLUMN, "alter table hitl_decision drop column if exists seal")],
            [
                migrations.AddField(
                    model_name="decision",
                    name="seal",
                    field=models.CharField(blank=True, db_default="", default="", max_length=90),
                )
            ],
        ),
        migrations.RunPython(seal_all, migrations.RunPython.noop, elidable=True),
    ]
