"""Primary keys: UUID version 7, ordered by the time they were made."""

import os
import threading
import time
from functools import lru_cache
from typing import Final
from uuid import UUID, SafeUUID

_VERSION_7: Final = 0x7 << 76
_VARIANT: Final = 0b10 << 62
_NANOSECONDS: Final = 1_000_000
_UNKNOWN: Final = SafeUUID.unknown
_set = object.__setattr__
_lock = threading.Lock()
_last = 0


def uuid7() -> UUID:
    """Return a new UUIDv7 (RFC 9562, section 5.7; method 3 of section 6.2).

    48 bits of Unix milliseconds, 12 bits of their fraction, 62 random bits. Ids made one after
    the other in one process are in order, also within a millisecond.
    """
    # Past the checks of UUID's own __init__, which take as long as all the rest.
    key = UUID.__new__(UUID)
    _set(key, "int", _number())
    _set(key, "is_safe", _UNKNOWN)
    return key


def uuid7_hex() -> str:
    """Return a new UUIDv7 as its 32 digits: for a document of which the database makes rows."""
    return _number().to_bytes(16).hex()


@lru_cache(maxsize=4096)
def text_of(key: UUID) -> str:
    """Return an id as text: those of the tenant, the actor and the object are written many times over."""
    return str(key)


def _number() -> int:
    global _last
    stamp = (time.time_ns() << 12) // _NANOSECONDS  # in 4096ths of a millisecond
    with _lock:
        _last = stamp = stamp if stamp > _last else _last + 1
    random = int.from_bytes(os.urandom(8)) >> 2
    return stamp >> 12 << 80 | _VERSION_7 | (stamp & 0xFFF) << 64 | _VARIANT | random
