"""The command that verifies the audit chains."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from core.db.owner import as_owner
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


def _id(world: World) -> str:
    return str(world.acme.pk)
