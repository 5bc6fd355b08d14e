"""The audit chain: HMAC-SHA256 over each entry and the one before it, per tenant."""

import hmac
import ipaddress
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db.models import Model

from core.actors import Actor
from core.clock import now
from core.errors import Unavailable
from core.models import AuditEntry, AuditHead
from core.privacy.encryption import current_key_id, derive_key, key_ring
from core.tenancy.scope import current_tenant_id

PAGE = 1000
SIGNED = (
    "id tenant_id seq at actor_kind actor_id actor_user_id actor_name role auth_strength address action "
    "object_type object_id old_state new_state facts key_id previous_hash"
).split()
_UNKEPT: Final = frozenset({"-0.0", "inf", "-inf", "nan"})
_CANONICAL: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of verifying a chain; `first_bad` is the number of the first invalid entry."""

    ok: bool
    entries: int
    head: str
    first_bad: int | None = None
    reason: str = ""


class Fact(NamedTuple):
    """Who did what to which object; facts are ids, states and numbers that the database stores unchanged."""

    actor: Actor
    action: str
    object_type: str
    object_id: UUID
    old_state: str = ""
    new_state: str = ""
    facts: dict[str, Any] | None = None


def record(
    actor: Actor,
    action: str,
    object_type: str,
    object_id: UUID,
    old_state: str = "",
    new_state: str = "",
    facts: dict[str, Any] | None = None,
) -> None:
    """Append one entry to the tenant's chain.

    Call it as the last statement before the commit: it locks the head of the chain, and blocks all other
    writers of the tenant until then. Facts are ids, states and numbers only. Raises ValueError for others.
    """
    record_all([Fact(actor, action, object_type, object_id, old_state, new_state, facts)])


def note(actor: Actor, action: str, row: Model, *, old_state: str = "", new_state: str = "", **facts: Any) -> None:
    """Append one entry about a row, as `record` does."""
    record_all([Fact(actor, action, row._meta.label_lower, row.pk, old_state, new_state, facts)])


def record_all(facts: Sequence[Fact]) -> None:
    """Append entries to the tenant's chain, as `record` does. Raises ValueError for facts that jsonb would change."""
    for fact in facts:
        _refuse_unkept(fact.facts or {})
    if not facts:
        return
    heads = AuditHead.objects.select_for_update().values_list("seq", "hash")
    head: tuple[int, str] | None = heads.first()  # locked until the commit
    if head is None:
        AuditHead.objects.bulk_create([AuditHead()], ignore_conflicts=True)
        head = heads.get()
    seq, previous = head
    entries = []
    for fact in facts:
        seq += 1
        entry = _entry_of(fact, seq, previous)
        entry.hash = previous = entry_hash(entry)
        entries.append(entry)
    AuditEntry.objects.bulk_create(entries)
    AuditHead.objects.update(seq=seq, hash=previous)


def _entry_of(fact: Fact, seq: int, previous_hash: str) -> AuditEntry:
    """Return the entry that continues the chain after `previous_hash`, without its own hash."""
    actor = fact.actor
    return AuditEntry(
        seq=seq,
        at=now(),
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_user_id=actor.user_id,
        actor_name=actor.name,
        role=actor.sealed_role,
        auth_strength=actor.auth_strength,
        address=network_of(actor.address),
        action=fact.action,
        object_type=fact.object_type,
        object_id=fact.object_id,
        old_state=fact.old_state,
        new_state=fact.new_state,
        facts=fact.facts or {},
        key_id=current_key_id(),
        previous_hash=previous_hash,
    )


def _refuse_unkept(value: Any) -> None:
    """Refuse numbers that jsonb changes. 1e16 becomes a whole number, -0.0 loses its sign, NaN is invalid."""
    if isinstance(value, float) and ("e+" in (written := repr(value)) or written in _UNKEPT):
        raise ValueError(f"an audit fact cannot be the number {written}: use a whole number or text")
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise ValueError("the names of audit facts must be text")
        value = value.values()
    elif not isinstance(value, list | tuple):
        return
    for part in value:
        _refuse_unkept(part)


@lru_cache(maxsize=1024)
def network_of(address: str) -> str:
    """Return the network of an IP address: audit entries outlive the erasure of a person."""
    try:
        whole = ipaddress.ip_address(address)
    except ValueError:
        return ""
    mapped = whole.ipv4_mapped if isinstance(whole, ipaddress.IPv6Address) else None
    known = mapped or whole
    return str(ipaddress.ip_network((known, 24 if known.version == 4 else 48), strict=False))


def entry_hash(entry: AuditEntry) -> str:
    """Return the HMAC-SHA256 (hex) of the entry's canonical JSON, its predecessor's hash included."""
    key = derive_key(f"audit|{entry.tenant_id}", key_id=entry.key_id)
    return hmac.digest(key, canonical(content_of(entry)), "sha256").hex()


def content_of(entry: AuditEntry) -> dict[str, Any]:
    """Return what the entry's hash covers, as JSON."""
    return {name: _plain(getattr(entry, name)) for name in SIGNED}


def canonical(content: Mapping[str, Any]) -> bytes:
    """Return the one byte string of a JSON object: sorted names, UTF-8, no spaces."""
    return _CANONICAL.encode(content).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return value


def verify(kept: Mapping[int, str] | None = None) -> Verdict:
    """Verify the chain in scope up to its first invalid entry; it must contain the `kept` heads, by number."""
    kept = kept or {}
    seq, previous, head = 0, "", (-1, "")
    while head != (seq, previous):
        begun = seq
        for entry in _entries(after=seq):
            problem = problem_of(entry, seq + 1, previous)
            if not problem and entry.hash != kept.get(entry.seq, entry.hash):
                problem = "the entry is not the one that was noted outside the database"
            if problem:
                return Verdict(False, seq, previous, first_bad=seq + 1, reason=problem)
            seq, previous = entry.seq, entry.hash
        head = AuditHead.objects.values_list("seq", "hash").first() or (0, "")
        # Entries written meanwhile are verified as well; without any, the head and the last entry must agree.
        if seq == begun:
            break
    if kept and seq < max(kept):
        reason = f"the tail was cut: entry {max(kept)} was noted outside the database"
        return Verdict(False, seq, previous, first_bad=seq + 1, reason=reason)
    if head != (seq, previous):
        return Verdict(False, seq, previous, first_bad=seq + 1, reason="the tail was cut")
    return Verdict(True, seq, previous)


def is_genuine(entry: AuditEntry) -> bool:
    """Return True if this application wrote the entry exactly so; its place in the chain is not looked at."""
    try:
        return hmac.compare_digest(entry.hash.encode(), entry_hash(entry).encode())
    except Unavailable:  # a key that this installation does not have
        return False


def problem_of(entry: AuditEntry, expected_seq: int, previous: str) -> str:
    """Return why an entry does not continue the chain after the hash `previous`, or ""."""
    if entry.seq != expected_seq:
        return "an entry is missing"
    if entry.previous_hash != previous:
        return "the entry does not continue the one before it"
    if entry.key_id not in key_ring():
        return "the key of the entry is not in WALKER_KEYS"
    if not is_genuine(entry):
        return "the entry was changed"
    return ""


def _entries(*, after: int) -> Iterator[AuditEntry]:
    while page := list(AuditEntry.objects.filter(seq__gt=after).order_by("seq")[:PAGE]):
        yield from page
        after = page[-1].seq


def chain_of(
    object_type: str, object_id: UUID, *, before: int | None = None, limit: int = PAGE, actions: Collection[str] = ()
) -> list[AuditEntry]:
    """Return the newest entries about one object, of any or some actions, below the number `before`, oldest first."""
    current_tenant_id()
    about = AuditEntry.objects.filter(object_type=object_type, object_id=object_id)
    if before is not None:
        about = about.filter(seq__lt=before)
    if actions:
        about = about.filter(action__in=actions)
    return list(about.order_by("-seq")[:limit])[::-1]


def newest_about(object_types: Sequence[str], ids: Collection[UUID], *, facts: Sequence[str]) -> dict[UUID, AuditEntry]:
    """Return the newest entry about each object, of any of the types and with any of the facts, in one query."""
    about = AuditEntry.objects.filter(object_type__in=object_types, object_id__in=ids, facts__has_any_keys=facts)
    return {entry.object_id: entry for entry in about.order_by("object_id", "-seq").distinct("object_id")}


def first_of(object_type: str, object_id: UUID, action: str) -> AuditEntry | None:
    """Return the oldest entry of an action about one object."""
    about = AuditEntry.objects.filter(object_type=object_type, object_id=object_id, action=action)
    return about.order_by("seq").first()


def last_of(
    object_type: str,
    object_id: UUID,
    is_meant: Callable[[AuditEntry], bool] | None = None,
    *,
    actions: Collection[str] = (),
) -> AuditEntry | None:
    """Return the newest entry about one object; with `is_meant`, the newest of its last `PAGE` that it accepts.

    With `actions` only entries of these are looked at, however old.
    """
    entries = chain_of(object_type, object_id, limit=PAGE if is_meant else 1, actions=actions)
    return next((entry for entry in reversed(entries) if is_meant is None or is_meant(entry)), None)
