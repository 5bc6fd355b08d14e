"""Somebody with the password of the tables' owner: what they could change, within the transaction of a test."""

import hashlib
import hmac
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from django.db import connection

from core.audit import chain
from core.db.roles import as_owner
from core.models import AuditEntry

GUESS: Final = b"a guess"
_MAKE: Final = """
create or replace function proof_tamper(statement text) returns void
language plpgsql security definer as $$
begin
  set constraints all immediate;
  alter table hitl_approval disable trigger hitl_guard_approval;
  alter table core_auditentry disable trigger walker_append_only;
  alter table core_audithead disable trigger core_guard_audithead;
  execute statement;
  alter table core_audithead enable always trigger core_guard_audithead;
  alter table core_auditentry enable always trigger walker_append_only;
  alter table hitl_approval enable always trigger hitl_guard_approval;
  set constraints all deferred;
end $$;
grant execute on function proof_tamper(text) to public;
"""
_UNMAKE: Final = "drop function if exists proof_tamper(text)"

SWAP: Final = (
    "update core_auditentry set seq = -seq where tenant_id = :tenant and seq in (:at, :at + 1);"
    "update core_auditentry set seq = 2 * :at + 1 + seq where tenant_id = :tenant and seq < 0;"
)
RELINK: Final = (
    "update core_auditentry a set previous_hash = b.hash from core_auditentry b "
    "where a.tenant_id = :tenant and b.tenant_id = :tenant and a.seq = b.seq + 1;"
)
_COLUMNS: Final = ", ".join(
    field.column for field in AuditEntry._meta.local_fields if field.column not in ("id", "seq")
)
COPY: Final = (
    f"insert into core_auditentry (id, seq, {_COLUMNS}) select gen_random_uuid(), :to, {_COLUMNS} "
    "from core_auditentry where tenant_id = :tenant and seq = :at;"
)
HISTORY: Final = {
    "byte": "update core_auditentry set action = overlay(action placing 'Z' from 2 for 1) "
    "where tenant_id = :tenant and seq = :at",
    "delete": "delete from core_auditentry where tenant_id = :tenant and seq = :at",
    "swap": SWAP,
    "re-insert": "delete from core_auditentry where tenant_id = :tenant and seq = :at + 1;"
    + COPY.replace(":to", ":at + 1"),
    "cut tail": "delete from core_auditentry where tenant_id = :tenant and seq >= :at",
}
"""What can be done to an audit chain at an entry, as one statement; it needs one more entry after that."""
KINDS: Final = (*HISTORY, "rewrite")
FORGED_VOTE: Final = """
insert into hitl_decision (id, tenant_id, approval_id, revision, level, digest, person_id, actor_kind, actor_name,
  role, verdict, reason, channel, auth_strength, address, seal, created_at)
select gen_random_uuid(), tenant_id, id, revision, level, digest, '{person}', 'user', '', 'approver', 'approve', '',
  'console', 'mfa', '', 'k:' || repeat('0', 64), now()
from hitl_approval where id = '{approval}'
"""
"""A vote as a person of the role would give it, with the name of a key and no seal of it."""


def first_bad(kind: str, at: int) -> int:
    """Return the number of the first entry that does not fit after a tampering at this one."""
    return at + 1 if kind == "re-insert" else at


def tamper(statement: str) -> None:
    """Run a statement as the owner of the tables could, triggers off."""
    with connection.cursor() as cursor:
        cursor.execute("select proof_tamper(%s)", [statement])


def tamper_with_history(tenant: Any, kind: str, at: int) -> None:
    """Do one kind of tampering to the tenant's audit chain, which is the one in scope."""
    if kind == "rewrite":
        rewrite(at)
    else:
        tamper(HISTORY[kind].replace(":tenant", f"'{tenant}'").replace(":at", str(at)))


def rewrite(first: int, key: bytes = GUESS) -> None:
    """Change an entry and hash everything after it again, as someone would who knows how but lacks the key."""
    entries = list(AuditEntry.objects.filter(seq__gte=first - 1).order_by("seq"))
    previous, statements = entries[0].hash, []
    for entry in entries[1:]:
        entry.action, entry.previous_hash = "X", previous
        previous = hmac.new(key, chain.entry_hash(entry).encode(), hashlib.sha256).hexdigest()
        values = f"action = 'X', previous_hash = '{entry.previous_hash}', hash = '{previous}'"
        statements.append(f"update core_auditentry set {values} where id = '{entry.pk}'")
    head = f"update core_audithead set hash = '{previous}' where tenant_id = '{entries[0].tenant_id}'"
    tamper(";".join([*statements, head]))


@pytest.fixture(scope="module")
def tampering(django_db_setup: None, django_db_blocker: Any) -> Iterator[Callable[[str], None]]:
    """Let the role of the tests do what only the owner of the tables can; returns `tamper`."""
    with django_db_blocker.unblock(), as_owner(), connection.cursor() as cursor:
        cursor.execute(_MAKE)
    yield tamper
    with django_db_blocker.unblock(), as_owner(), connection.cursor() as cursor:
        cursor.execute(_UNMAKE)
