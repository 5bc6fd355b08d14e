"""The audit chain: HMAC-SHA256 over each entry and the one before it, per tenant."""

import hmac
import ipaddress
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple
from uuid import UUID

from core import prepared
from core.actors import Actor
from core.clock import now
from core.ids import text_of, uuid7
from core.models import AuditEntry, AuditHead
from core.prepared import Call, Prepared
from core.privacy.encryption import current_key_id, derive_key
from core.tenancy.scope import current_tenant_id

PAGE = 1000
Head = tuple[int, str]
"""The number and the hash of the last entry."""
_KEPT: Final = 4096
_left: Final[dict[UUID, Head]] = {}
"""The heads this process left, by tenant: what it may find again. Believed only where the locked head is the same."""
SIGNED = (
    "id tenant_id seq at actor_kind actor_id actor_user_id actor_name role auth_strength address action "
    "object_type object_id old_state new_state facts key_id previous_hash"
).split()
_UNKEPT: Final = frozenset({"-0.0", "inf", "-inf", "nan"})
_CANONICAL: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of walking a chain; `first_bad` is the number of the first entry that fails."""

    ok: bool
    entries: int
    head: str
    first_bad: int | None = None
    reason: str = ""


class Fact(NamedTuple):
    """What an entry says: who did what to which object. Facts are ids, states and numbers only.

    A number that the database would write in another way than it was signed is refused (`draft`).
    """

    actor: Actor
    action: str
    object_type: str
    object_id: UUID
    old_state: str = ""
    new_state: str = ""
    facts: dict[str, Any] | None = None


class Draft(NamedTuple):
    """The canonical JSON of an entry, parted where its moment, its predecessor's hash and its number stand."""

    begin: str
    after_at: str
    after_previous_hash: str
    after_seq: str


class Links(NamedTuple):
    """Signed entries as JSON, the head that they follow and the one that they leave."""

    follow: Head
    entries: str
    leave: Head


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
    record_all([Fact(actor, action, object_type, object_id, old_state, new_state, facts)])


def record_all(entries: Sequence[Fact]) -> None:
    """Append entries to the tenant's chain, as `record` does."""
    chain([draft(fact) for fact in entries], None)


def draft(fact: Fact) -> Draft:
    """Return all of an entry that does not need the chain, for `chain`: made before its head is locked.

    Raises ValueError for facts that would not be read back as they are signed.
    """
    actor, text = fact.actor, _CANONICAL.encode
    if fact.facts:
        _refuse_unkept(fact.facts)
    return Draft(
        f'{{"action":{text(fact.action)},"actor_id":{_id(actor.id)},"actor_kind":{text(actor.kind)}'
        f',"actor_name":{text(actor.name)},"actor_user_id":{_id(actor.user_id)}'
        f',"address":{text(network_of(actor.address))},"at":"',
        f'","auth_strength":{text(actor.auth_strength)},"facts":{text(fact.facts or {})},"id":"{uuid7()}"'
        f',"key_id":{text(current_key_id())},"new_state":{text(fact.new_state)},"object_id":{_id(fact.object_id)}'
        f',"object_type":{text(fact.object_type)},"old_state":{text(fact.old_state)},"previous_hash":"',
        f'","role":{text(actor.role)},"seq":',
        f',"tenant_id":{_id(current_tenant_id())}}}',
    )


def _refuse_unkept(value: Any) -> None:
    """Refuse numbers that jsonb gives back otherwise: 1e16 as a whole number, -0.0 without its sign, no NaN at all."""
    if isinstance(value, float) and ("e+" in (written := repr(value)) or written in _UNKEPT):
        raise ValueError(f"an audit fact cannot be the number {written}: say it as a whole number or as text")
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise ValueError("the names of audit facts are text")
        value = value.values()
    elif not isinstance(value, list | tuple):
        return
    for part in value:
        _refuse_unkept(part)


def guess(entries: Sequence[Draft]) -> Links | None:
    """Link entries to the head this process left, for `chain`: while the database does what comes before it."""
    left = _left.get(current_tenant_id())
    return _link(entries, left) if entries and left else None


def chain(entries: Sequence[Draft], head: Head | None, guessed: Links | None = None) -> None:
    """Append entries to the tenant's chain; `head` is its end if the caller has locked it."""
    if not entries:
        return
    found = head or _lock_head()
    links = guessed if guessed and guessed.follow == found else _link(entries, found)
    tenant_id, (seq, digest) = current_tenant_id(), links.leave
    if len(_left) >= _KEPT:
        _left.clear()
    _left[tenant_id] = links.leave
    values = {"tenant": tenant_id, "entries": links.entries, "seq": seq, "hash": digest}
    prepared.later(Call(_append_statement(), values))


def _link(entries: Sequence[Draft], head: Head) -> Links:
    """Sign entries as those that follow a head, at a moment after it was left."""
    seq, digest = head
    key = _key(current_tenant_id(), current_key_id())
    written = []
    for begin, after_at, after_previous_hash, after_seq in entries:
        seq += 1
        content = f"{begin}{now().isoformat()}{after_at}{digest}{after_previous_hash}{seq}{after_seq}"
        digest = _hash(content, key)
        written.append(f'{content[:-1]},"hash":"{digest}"}}')
    return Links(head, f"[{','.join(written)}]", (seq, digest))


def _id(key: UUID | None) -> str:
    return "null" if key is None else f'"{text_of(key)}"'


@lru_cache(maxsize=1024)
def network_of(address: str) -> str:
    """Return the network that an address of the net belongs to: what is chained stays when the person is erased."""
    try:
        whole = ipaddress.ip_address(address)
    except ValueError:
        return ""
    mapped = whole.ipv4_mapped if isinstance(whole, ipaddress.IPv6Address) else None
    known = mapped or whole
    return str(ipaddress.ip_network((known, 24 if known.version == 4 else 48), strict=False))


def _lock_head() -> Head:
    rows = AuditHead.objects.select_for_update().values_list("seq", "hash")
    head: Head | None = rows.first()
    if head is not None:
        return head
    AuditHead.objects.bulk_create([AuditHead()], ignore_conflicts=True)
    made: Head = rows.get()
    return made


@cache
def _append_statement() -> Prepared:
    # One statement for all rows: this runs under the tenant's hottest lock.
    types = {"tenant": "uuid", "entries": "json", "seq": "bigint", "hash": "text"}
    mark = prepared.marks(types)
    names = [f'"{field.column}"' for field in AuditEntry._meta.local_fields]
    return prepared.prepared(
        f"with entry as (insert into core_auditentry ({', '.join(names)}) select {', '.join(names)} "
        f"from json_populate_recordset(null::core_auditentry, {mark['entries']})) "
        f"update core_audithead set seq = {mark['seq']}, hash = {mark['hash']} where tenant_id = {mark['tenant']}",
        types,
    )


def entry_hash(entry: AuditEntry) -> str:
    """Return the HMAC-SHA256 (hex) of the entry's canonical JSON, its predecessor's hash included."""
    content = _CANONICAL.encode({name: _plain(getattr(entry, name)) for name in SIGNED})
    return _hash(content, _key(entry.tenant_id, entry.key_id))


def _hash(canonical: str, key: bytes) -> str:
    return hmac.digest(key, canonical.encode(), "sha256").hex()


def _key(tenant_id: UUID, key_id: str) -> bytes:
    return derive_key(f"audit|{text_of(tenant_id)}", key_id=key_id)


def _plain(value: Any) -> Any:
    if isinstance(value, UUID):
        return text_of(value)
    if isinstance(value, datetime):
        return value.isoformat()
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


def last_of(
    object_type: str, object_id: UUID, is_meant: Callable[[AuditEntry], bool] | None = None
) -> AuditEntry | None:
    """Return the newest entry about one object, or the newest that is meant among its last `PAGE`. One query."""
    entries = chain_of(object_type, object_id, limit=PAGE if is_meant else 1)
    return next((entry for entry in reversed(entries) if is_meant is None or is_meant(entry)), None)
