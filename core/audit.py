"""The audit chain: HMAC-SHA256 over each entry and the one before it, per tenant."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from core.actors import Actor
from core.clock import now
from core.crypto import current_key_id, derive_key
from core.ids import uuid7
from core.models import AuditEntry, AuditHead
from core.scope import current_tenant_id

PAGE = 1000
SIGNED = (
    "id seq at actor_kind actor_id actor_user_id actor_name role auth_strength address action "
    "object_type object_id old_state new_state facts key_id previous_hash"
).split()


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of walking a chain; `first_bad` is the number of the first entry that fails."""

    ok: bool
    entries: int
    head: str
    first_bad: int | None = None
    reason: str = ""


def record(
    *,
    actor: Actor,
    action: str,
    object_type: str,
    object_id: UUID,
    old_state: str = "",
    new_state: str = "",
    facts: dict[str, Any] | None = None,
) -> None:
    """Append one entry to the tenant's chain.

    Call it as the last statement before the commit: it locks the head of the chain, and work done
    under that lock stops every other writer of the tenant. Facts are ids, states and numbers only.
    """
    head_seq, head_hash = _lock_head()
    entry = AuditEntry(
        id=uuid7(),
        seq=head_seq + 1,
        at=now(),
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_user_id=actor.user_id,
        actor_name=actor.name,
        role=actor.role,
        auth_strength=actor.auth_strength,
        address=actor.address,
        action=action,
        object_type=object_type,
        object_id=object_id,
        old_state=old_state,
        new_state=new_state,
        facts=facts or {},
        key_id=current_key_id(),
        previous_hash=head_hash,
    )
    entry.hash = entry_hash(entry)
    _append(entry)


def _lock_head() -> tuple[int, str]:
    rows = AuditHead.objects.select_for_update().values_list("seq", "hash")
    head: tuple[int, str] | None = rows.first()
    if head is not None:
        return head
    AuditHead.objects.bulk_create([AuditHead()], ignore_conflicts=True)
    made: tuple[int, str] = rows.get()
    return made


def _append(entry: AuditEntry) -> None:
    # One statement for both rows: this runs under the tenant's hottest lock.
    fields = list(AuditEntry._meta.local_fields)
    columns = ", ".join(f'"{field.column}"' for field in fields)
    marks = ", ".join(["%s"] * len(fields))
    values = [field.get_db_prep_save(getattr(entry, field.attname), connection) for field in fields]
    with connection.cursor() as cursor:
        cursor.execute(
            f"with entry as (insert into core_auditentry ({columns}) values ({marks})) "
            "update core_audithead set seq = %s, hash = %s where tenant_id = %s",
            [*values, entry.seq, entry.hash, entry.tenant_id],
        )


def entry_hash(entry: AuditEntry) -> str:
    """Return the HMAC-SHA256 (hex) of the entry's canonical JSON, its predecessor's hash included."""
    content = {name: _plain(getattr(entry, name)) for name in SIGNED}
    content["tenant_id"] = str(entry.tenant_id)
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    key = derive_key(f"audit|{entry.tenant_id}", key_id=entry.key_id)
    return hmac.new(key, canonical.encode(), hashlib.sha256).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    return value


def verify() -> Verdict:
    """Walk the chain of the tenant in scope and report the first entry that does not fit."""
    seq, previous = 0, ""
    for entry in _entries():
        problem = _problem(entry, seq + 1, previous)
        if problem:
            return Verdict(False, seq, previous, first_bad=seq + 1, reason=problem)
        seq, previous = entry.seq, entry.hash
    head = AuditHead.objects.values_list("seq", "hash").first() or (0, "")
    if head != (seq, previous):
        return Verdict(False, seq, previous, first_bad=seq + 1, reason="the tail was cut")
    return Verdict(True, seq, previous)


def _problem(entry: AuditEntry, expected_seq: int, previous: str) -> str:
    if entry.seq != expected_seq:
        return "an entry is missing"
    if entry.previous_hash != previous:
        return "the entry does not continue the one before it"
    if not hmac.compare_digest(entry.hash, entry_hash(entry)):
        return "the entry was changed"
    return ""


def _entries() -> Iterator[AuditEntry]:
    after = 0
    while page := list(AuditEntry.objects.filter(seq__gt=after).order_by("seq")[:PAGE]):
        yield from page
        after = page[-1].seq


def chain_of(object_type: str, object_id: UUID, *, before: int | None = None, limit: int = PAGE) -> list[AuditEntry]:
    """Return the newest entries about one object below the number `before`, oldest first."""
    current_tenant_id()
    about = AuditEntry.objects.filter(object_type=object_type, object_id=object_id)
    if before is not None:
        about = about.filter(seq__lt=before)
    return list(about.order_by("-seq")[:limit])[::-1]
