"""Primary keys: UUID version 7, ordered by the time they were made."""

import os
import time
from uuid import UUID

_VERSION_7 = 0x7
_VARIANT = 0b10


def uuid7() -> UUID:
    """Return a new UUIDv7 (RFC 9562, section 5.7): 48 bits of Unix milliseconds, 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    high = (milliseconds & (2**48 - 1)) << 80
    middle = _VERSION_7 << 76 | (random >> 68 & 0xFFF) << 64
    low = _VARIANT << 62 | (random & (2**62 - 1))
    return UUID(int=high | middle | low)
