"""Primary keys: UUID version 7, ordered by the time they were made."""

import os
import threading
import time
from uuid import UUID

_VERSION_7 = 0x7
_VARIANT = 0b10
_NANOSECONDS = 1_000_000
_lock = threading.Lock()
_last = 0


def uuid7() -> UUID:
    """Return a new UUIDv7 (RFC 9562, section 5.7; method 3 of section 6.2).

    48 bits of Unix milliseconds, 12 bits of their fraction, 62 random bits. Ids made one after
    the other in one process are in order, also within a millisecond.
    """
    stamp = _next_stamp()
    random = int.from_bytes(os.urandom(8), "big") & (2**62 - 1)
    high = (stamp >> 12) << 80
    middle = _VERSION_7 << 76 | (stamp & 0xFFF) << 64
    return UUID(int=high | middle | _VARIANT << 62 | random)


def _next_stamp() -> int:
    """Return the time in 4096ths of a millisecond, later than the stamp before."""
    global _last
    milliseconds, rest = divmod(time.time_ns(), _NANOSECONDS)
    stamp = milliseconds << 12 | rest * 4096 // _NANOSECONDS
    with _lock:
        _last = max(stamp, _last + 1)
        return _last
