"""Anchors: signed statements about the audit chain, to keep where the database's administrators can't write.

Their root is of a Merkle tree as in RFC 9162: one hash stands for many rows, and a short path proves one of them.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from core.audit import chain
from core.clock import now as clock_now
from core.db.locks import advisory_lock
from core.models import AuditAnchor, AuditEntry, AuditHead
from core.privacy import signing
from core.tenancy.scope import current_tenant_id

FORMAT: Final = "walker-anchor/1"
SPAN: Final = 1024
"""The most entries under one anchor: a proof reads as many."""
AT_ONCE: Final = 64
"""The most anchors written in one transaction."""
NAMES: Final = ("number", "first", "last", "head", "root", "previous", "at", "key_id", "public_key")


class BrokenChain(Exception):
    """The chain can't be anchored: the number of the first bad entry, and why."""

    def __init__(self, seq: int, reason: str) -> None:
        super().__init__(f"audit entry {seq}: {reason}")


def extend(*, now: datetime | None = None) -> AuditAnchor | None:
    """Anchor every entry that isn't yet, verified first; return the newest anchor, if any. Raises BrokenChain."""
    while True:
        with transaction.atomic():
            advisory_lock("audit-anchors")
            anchor, is_complete = _extend(now or clock_now())
        if is_complete:
            return anchor


def _extend(moment: datetime) -> tuple[AuditAnchor | None, bool]:
    newest = AuditAnchor.objects.order_by("-number").first()
    head_seq, head_hash = AuditHead.objects.values_list("seq", "hash").first() or (0, "")
    last, previous = (newest.last, newest.head) if newest else (0, "")
    if head_seq < last or (head_seq == last and head_hash != previous):
        raise BrokenChain(head_seq + 1, "the chain does not contain what was anchored")
    for _ in range(AT_ONCE):
        if last >= head_seq:
            return newest, True
        entries = list(AuditEntry.objects.filter(seq__gt=last, seq__lte=head_seq).order_by("seq")[:SPAN])
        if not entries:
            raise BrokenChain(last + 1, "the tail was cut")
        for entry in entries:
            if problem := chain.problem_of(entry, last + 1, previous):
                raise BrokenChain(last + 1, problem)
            last, previous = entry.seq, entry.hash
        newest = _write(newest, entries, moment)
    return newest, False


def _write(before: AuditAnchor | None, entries: Sequence[AuditEntry], moment: datetime) -> AuditAnchor:
    key = signing.public_key()
    anchor = AuditAnchor(
        number=before.number + 1 if before else 1,
        first=entries[0].seq,
        last=entries[-1].seq,
        head=entries[-1].hash,
        root=tree_root([leaf_of(entry) for entry in entries]).hex(),
        previous=digest_of(before) if before else "",
        at=moment,
        key_id=key.key_id,
        public_key=key.public_key,
    )
    anchor.signature = signing.sign(signed_bytes(as_json(anchor)), key_id=key.key_id)
    anchor.save(force_insert=True)
    return anchor


def leaf_of(entry: AuditEntry) -> bytes:
    """Return the hash of an entry with its own MAC, which the tree is made of."""
    return tree_leaf(chain.canonical({**chain.content_of(entry), "hash": entry.hash}))


def as_json(anchor: AuditAnchor) -> dict[str, Any]:
    """Return an anchor as it is written elsewhere, with its signature."""
    content = {name: getattr(anchor, name) for name in NAMES}
    content["at"] = anchor.at.isoformat()
    return {"format": FORMAT, "tenant": str(anchor.tenant_id), **content, "signature": anchor.signature}


def signed_bytes(anchor: Mapping[str, Any]) -> bytes:
    """Return the bytes that an anchor's signature covers."""
    content = {name: value for name, value in anchor.items() if name != "signature"}
    return f"{FORMAT}\n".encode() + chain.canonical(content)


def digest_of(anchor: AuditAnchor) -> str:
    """Return the hash by which the next anchor names this one."""
    return hashlib.sha256(signed_bytes(as_json(anchor))).hexdigest()


def covering(seqs: Sequence[int]) -> list[AuditAnchor]:
    """Return the anchors over entries with these numbers, in order; entries without one are left out."""
    if not seqs:
        return []
    rows = AuditAnchor.objects.filter(last__gte=min(seqs), first__lte=max(seqs)).order_by("number")
    return [anchor for anchor in rows if any(anchor.first <= seq <= anchor.last for seq in seqs)]


def path_to(anchor: AuditAnchor, seq: int) -> list[str]:
    """Return the hashes that lead from an entry to the root of its anchor."""
    leaves = _leaves(current_tenant_id(), anchor.first, anchor.last)
    return [each.hex() for each in tree_path(leaves, seq - anchor.first)] if len(leaves) > seq - anchor.first else []


@lru_cache(maxsize=64)
def _leaves(tenant_id: UUID, first: int, last: int) -> list[bytes]:
    """Return the leaves of a span; entries are never changed, so that they can be remembered for a while."""
    entries = AuditEntry.objects.filter(seq__gte=first, seq__lte=last).order_by("seq")
    return [leaf_of(entry) for entry in entries]


def find_problem(anchor: Mapping[str, Any]) -> str:
    """Return why an anchor kept outside the database does not fit the chain in scope, or ""."""
    if not is_signed(anchor):
        return "its signature is not of this installation"
    entries = list(AuditEntry.objects.filter(seq__gte=anchor["first"], seq__lte=anchor["last"]).order_by("seq"))
    if len(entries) != anchor["last"] - anchor["first"] + 1:
        return f"entries {anchor['first']} to {anchor['last']} are not all there"
    if entries[-1].hash != anchor["head"] or tree_root([leaf_of(entry) for entry in entries]).hex() != anchor["root"]:
        return f"entries {anchor['first']} to {anchor['last']} are not those that were anchored"
    return ""


def first_problem(kept: Sequence[Mapping[str, Any]]) -> str:
    """Return the first anchor of a file that does not fit the chain in scope or the file, and why, or ""."""
    before: Mapping[str, Any] | None = None
    for anchor in sorted(kept, key=lambda each: int(each["number"])):
        if before is not None and anchor["number"] == before["number"]:
            if anchor != before:
                return f"anchor {anchor['number']}: there are two different ones"
            continue
        problem = find_problem(anchor)
        if not problem and before is not None and anchor["number"] == before["number"] + 1:
            continues = anchor["previous"] == hashlib.sha256(signed_bytes(before)).hexdigest()
            problem = "" if continues else "it does not continue the anchor before it"
        if problem:
            return f"anchor {anchor['number']}: {problem}"
        before = anchor
    return ""


def read_line(line: str) -> dict[str, Any] | None:
    """Return the anchor of a line, which may be one of a log; None for anything else."""
    try:
        found = json.loads(line)
        anchor: dict[str, Any] = found.get("anchor", found)
        whole = all(isinstance(anchor[name], int) for name in ("number", "first", "last"))
        texts = all(isinstance(anchor[name], str) for name in ("head", "root", "previous", "key_id", "signature"))
        UUID(anchor["tenant"])
    except (ValueError, KeyError, AttributeError, TypeError):
        return None
    return anchor if whole and texts and anchor.get("format") == FORMAT else None


def is_signed(anchor: Mapping[str, Any]) -> bool:
    return signing.is_signed(signed_bytes(anchor), str(anchor["signature"]), key_id=str(anchor["key_id"]))


def stored_problems() -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the stored anchors of the tenant in scope."""
    number, last, previous = 0, 0, ""
    while page := list(AuditAnchor.objects.filter(number__gt=number).order_by("number")[:AT_ONCE]):
        heads = dict(AuditEntry.objects.filter(seq__in=[each.last for each in page]).values_list("seq", "hash"))
        for anchor in page:
            name = f"anchor {anchor.number}"
            if (anchor.number, anchor.first, anchor.previous) != (number + 1, last + 1, previous):
                yield name, "it does not continue the anchor before it"
            elif not is_signed(as_json(anchor)):
                yield name, "it was changed"
            elif heads.get(anchor.last) != anchor.head:
                yield name, f"entry {anchor.last} is not the one that was anchored"
            number, last, previous = anchor.number, anchor.last, digest_of(anchor)


def tree_leaf(content: bytes) -> bytes:
    """Return the hash of one row."""
    return hashlib.sha256(b"\x00" + content).digest()


def tree_root(leaves: Sequence[bytes]) -> bytes:
    """Return the hash of all leaves, in order; raises ValueError without any."""
    if not leaves:
        raise ValueError("a tree has at least one leaf")
    if len(leaves) == 1:
        return leaves[0]
    middle = _middle(len(leaves))
    return hashlib.sha256(b"\x01" + tree_root(leaves[:middle]) + tree_root(leaves[middle:])).digest()


def tree_path(leaves: Sequence[bytes], place: int) -> list[bytes]:
    """Return the hashes that lead from the leaf at a place to the root, from below."""
    if len(leaves) == 1:
        return []
    middle = _middle(len(leaves))
    if place < middle:
        return [*tree_path(leaves[:middle], place), tree_root(leaves[middle:])]
    return [*tree_path(leaves[middle:], place - middle), tree_root(leaves[:middle])]


def _middle(count: int) -> int:
    """Return the largest power of two below a number above one."""
    return 1 << ((count - 1).bit_length() - 1)
