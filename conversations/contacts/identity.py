"""Fingerprint the people in an audience, and estimate how many changed between two (pure)."""

import hashlib
from collections.abc import Iterable, Mapping
from math import inf, log1p
from typing import Any, Final
from uuid import UUID

BUCKETS: Final = 256
WIDTH: Final = 4  # hexadecimal digits of a bucket


def marks_of(people: Iterable[UUID]) -> dict[str, str]:
    """Return a digest of the sorted ids, and one small mark for each bucket of them.

    The digest shows whether anyone changed. Each person falls into one bucket, so the buckets that
    differ show how many did, without listing anyone.
    """
    ids = sorted(people)
    marks = [0] * BUCKETS
    for one in ids:
        drawn = hashlib.blake2b(one.bytes, digest_size=3).digest()
        marks[drawn[0]] ^= int.from_bytes(drawn[1:])
    whole = hashlib.blake2b(b"".join(one.bytes for one in ids), digest_size=16)
    return {"digest": whole.hexdigest(), "marks": "".join(f"{mark:0{WIDTH}x}" for mark in marks)}


def changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> float:
    """Estimate how many people joined or left between two sets of marks.

    Returns infinity when too many to tell.
    Exact for none. Several in one bucket look like one, which the estimate allows for.
    """
    if old["digest"] == new["digest"]:
        return 0
    differing = sum(before != after for before, after in zip(_buckets(old), _buckets(new), strict=True))
    return inf if differing == BUCKETS else max(1, round(-BUCKETS * log1p(-differing / BUCKETS)))


def _buckets(marks: Mapping[str, Any]) -> list[str]:
    text = str(marks["marks"])
    return [text[at : at + WIDTH] for at in range(0, len(text), WIDTH)]
