"""The audit chain finds every kind of tampering by whoever lacks the key."""

import hashlib
import hmac
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


_SWAP = (
    "update core_auditentry set {seq} = -{seq} where tenant_id = :tenant and seq in (8, 9);"
    "update core_auditentry set {seq} = 17 + {seq} where tenant_id = :tenant and seq in (-8, -9);"
)
_RELINK = (
    "update core_auditentry a set previous_hash = b.hash from core_auditentry b "
    "where a.tenant_id = :tenant and b.tenant_id = :tenant and a.seq = b.seq + 1;"
)
_COLUMNS = ", ".join(field.column for field in AuditEntry._meta.local_fields if field.column not in ("id", "seq"))
_COPY = (
    f"insert into core_auditentry (id, seq, {_COLUMNS}) select gen_random_uuid(), {{to}}, {_COLUMNS} "
    "from core_auditentry where tenant_id = :tenant and seq = 8;"
)
TAMPERINGS = {
    "changed": ("update core_auditentry set action = 'X' where tenant_id = :tenant and seq = 8", 8),
    "facts": ("""update core_auditentry set facts = '{"n": 9}' where tenant_id = :tenant and seq = 9""", 9),
    "deleted": ("delete from core_auditentry where tenant_id = :tenant and seq = 8", 8),
    "cut tail": ("delete from core_auditentry where tenant_id = :tenant and seq >= 11", 11),
    "moved": ("update core_auditentry set seq = 99 where tenant_id = :tenant and seq = 9", 9),
    "byte": ("update core_auditentry set object_type = 'tesu' where tenant_id = :tenant and seq = 10", 10),
    "moment": (
        "update core_auditentry set at = at + interval '1 microsecond' where tenant_id = :tenant and seq = 3",
        3,
    ),
    "first deleted": ("delete from core_auditentry where tenant_id = :tenant and seq = 1", 1),
    "last deleted": ("delete from core_auditentry where tenant_id = :tenant and seq = 12", 12),
    "swapped": (_SWAP.format(seq="seq"), 8),
    "swapped and linked again": (_SWAP.format(seq="seq") + _RELINK, 8),
    "closed up after a deletion": (
        "delete from core_auditentry where tenant_id = :tenant and seq = 8;"
        "update core_auditentry set seq = -seq where tenant_id = :tenant and seq > 8;"
        "update core_auditentry set seq = -seq - 1 where tenant_id = :tenant and seq < 0;" + _RELINK,
        8,
    ),
    "inserted again at the end": (_COPY.format(to="13"), 13),
    "inserted again in the place of another": (
        "delete from core_auditentry where tenant_id = :tenant and seq = 9;" + _COPY.format(to="9"),
        9,
    ),
    "hash of another": (
        "update core_auditentry a set hash = b.hash from core_auditentry b "
        "where a.tenant_id = :tenant and b.tenant_id = :tenant and a.seq = 9 and b.seq = 10",
        9,
    ),
    "head set back": ("update core_audithead set seq = 11 where tenant_id = :tenant", 13),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_tampered_chain_is_reported_with_first_bad_entry(name: str, committed_world: World) -> None:
    sql, first_bad = TAMPERINGS[name]
    with tenant_scope(committed_world.acme.pk):
        _record()
        _tamper(sql)
        assert audit.verify().first_bad == first_bad


def _rewrite(first: int, key: bytes) -> None:
    """Change an entry and hash everything after it anew, as one would who knows how but not the key."""
    previous = AuditEntry.objects.get(seq=first - 1).hash
    entries = list(AuditEntry.objects.filter(seq__gte=first).order_by("seq"))
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("alter table core_auditentry disable trigger walker_append_only")
        for entry in entries:
            entry.action, entry.previous_hash = "X", previous
            previous = hmac.new(key, audit.entry_hash(entry).encode(), hashlib.sha256).hexdigest()
            values = [entry.action, entry.previous_hash, previous, entry.pk]
            cursor.execute(
                "update core_auditentry set action = %s, previous_hash = %s, hash = %s where id = %s", values
            )
        cursor.execute("update core_audithead set hash = %s where tenant_id = %s", [previous, entries[0].tenant_id])
        cursor.execute("alter table core_auditentry enable always trigger walker_append_only")


def test_chain_rewritten_without_the_key_fails_at_its_first_entry(committed_world: World) -> None:
    with tenant_scope(committed_world.acme.pk):
        _record()
        _rewrite(8, b"a guess")
        assert audit.verify().first_bad == 8


def test_chain_of_another_tenant_is_untouched(acme: World) -> None:
    _record()
    with tenant_scope(acme.globex.pk):
        assert audit.verify().entries == 7
