"""The command that verifies the audit chains."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from core.actors import system
from core.audit import chain
from core.db.roles import as_owner
from core.ids import uuid7
from core.tenancy.scope import tenant_scope
from tests.world import World


def test_chains_as_written_hold_for_every_tenant(world: World) -> None:
    output = StringIO()
    call_command("verify_audit", "--json", stdout=output)
    rows = json.loads(output.getvalue())
    assert [(row["tenant"], row["ok"]) for row in rows] == [("acme", True), ("globex", True)]


def test_changed_entry_is_named_and_the_command_fails(committed_world: World) -> None:
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("alter table core_auditentry disable trigger walker_append_only")
        cursor.execute(
            "update core_auditentry set new_state = 'owner' where tenant_id = %s and seq = 3", [_id(committed_world)]
        )
        cursor.execute("alter table core_auditentry enable always trigger walker_append_only")
    output = StringIO()
    with pytest.raises(CommandError):
        call_command("verify_audit", stdout=output)
    assert "acme: BROKEN at entry 3" in output.getvalue()


def test_unknown_tenant_is_an_error(world: World) -> None:
    with pytest.raises(CommandError, match="no tenant"):
        call_command("verify_audit", "--tenant", "nobody")


CUT = """
alter table core_auditentry disable trigger walker_append_only;
alter table core_audithead disable trigger core_guard_audithead;
delete from core_auditentry where tenant_id = '{tenant}' and seq > {last};
update core_audithead h set seq = e.seq, hash = e.hash from core_auditentry e
 where h.tenant_id = e.tenant_id and e.tenant_id = '{tenant}' and e.seq = {last};
alter table core_audithead enable always trigger core_guard_audithead;
alter table core_auditentry enable always trigger walker_append_only;
"""


@pytest.mark.slow
def test_tail_cut_together_with_its_head_is_found_by_a_head_kept_elsewhere(
    committed_world: World, tmp_path: Path
) -> None:
    kept = str(tmp_path / "heads")
    call_command("verify_audit", write_head=kept, stdout=StringIO())
    call_command("verify_audit", head=kept, write_head=kept, stdout=StringIO())
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(CUT.format(tenant=_id(committed_world), last=3))
    call_command("verify_audit", stdout=StringIO())  # nothing inside the database shows it
    output = StringIO()
    with pytest.raises(CommandError):
        call_command("verify_audit", head=kept, stdout=output)
    assert "acme: BROKEN at entry 4: the tail was cut" in output.getvalue()
    with tenant_scope(committed_world.acme.pk), transaction.atomic():
        for _ in range(10):
            chain.record(actor=system("test"), action="X", object_type="test", object_id=committed_world.acme.pk)
    output = StringIO()
    with pytest.raises(CommandError):
        call_command("verify_audit", head=kept, write_head=kept, stdout=output)
    assert "is not the one that was noted outside the database" in output.getvalue()


@pytest.mark.parametrize(
    ("text", "say"),
    [("", "contains no head"), ("acme 3", "Line 1"), ("{id} acme 1 {a}\n{id} acme 1 {b}", "Line 2"), (None, "read")],
)
def test_file_that_holds_no_heads_is_an_error(world: World, tmp_path: Path, text: str | None, say: str) -> None:
    kept = tmp_path / "heads"
    if text is not None:
        kept.write_text(text.format(id=_id(world), a="a" * 64, b="b" * 64))
    with pytest.raises(CommandError, match=say):
        call_command("verify_audit", head=str(kept))


def test_head_of_an_organisation_that_is_gone_is_reported(world: World, tmp_path: Path) -> None:
    kept, output = tmp_path / "heads", StringIO()
    kept.write_text(f"{uuid7()} initech 7 {'a' * 64}\n")
    with pytest.raises(CommandError):
        call_command("verify_audit", head=str(kept), stdout=output)
    assert "initech: BROKEN" in output.getvalue()


def _id(world: World) -> str:
    return str(world.acme.pk)
