"""The audit chain finds every kind of tampering by whoever lacks the key."""

from uuid import uuid4

import pytest
from django.db import connection, transaction

from core import audit
from core.actors import system
from core.models import AuditEntry
from core.owner import as_owner
from core.scope import current_tenant_id, tenant_scope
from tests.world import World


@transaction.atomic
def _record(count: int = 5) -> None:
    for number in range(count):
        audit.record(
            actor=system("test"),
            action=f"STEP_{number}",
            object_type="test",
            object_id=uuid4(),
            facts={"n": number},
        )


def _tamper(sql: str) -> None:
    tenant_id = str(current_tenant_id())
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("alter table core_auditentry disable trigger walker_append_only")
        cursor.execute(sql.replace(":tenant", f"'{tenant_id}'"))
        cursor.execute("alter table core_auditentry enable always trigger walker_append_only")


def test_chain_as_written_verifies(acme: World) -> None:
    _record()
    verdict = audit.verify()
    assert verdict.ok
    assert verdict.entries == AuditEntry.objects.count()


TAMPERINGS = {
    "changed": ("update core_auditentry set action = 'X' where tenant_id = :tenant and seq = 8", 8),
    "facts": ("""update core_auditentry set facts = '{"n": 9}' where tenant_id = :tenant and seq = 9""", 9),
    "deleted": ("delete from core_auditentry where tenant_id = :tenant and seq = 8", 8),
    "cut tail": ("delete from core_auditentry where tenant_id = :tenant and seq >= 11", 11),
    "moved": ("update core_auditentry set seq = 99 where tenant_id = :tenant and seq = 9", 9),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_tampered_chain_is_reported_with_first_bad_entry(name: str, committed_world: World) -> None:
    sql, first_bad = TAMPERINGS[name]
    with tenant_scope(committed_world.acme.pk):
        _record()
        _tamper(sql)
        assert audit.verify().first_bad == first_bad


def test_chain_of_another_tenant_is_untouched(acme: World) -> None:
    _record()
    with tenant_scope(acme.globex.pk):
        assert audit.verify().entries == 7
