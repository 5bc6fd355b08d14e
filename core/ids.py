"""Primary keys: UUID version 7, ordered by time."""

import os
import threading
import time
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

_VERSION_7: Final = 0x7 << 76
_VARIANT: Final = 0b10 << 62
_NANOSECONDS: Final = 1_000_000
_lock = threading.Lock()
_last = 0
_asked, _given = 0, 0


def uuid7(moment: datetime | None = None) -> UUID:
    """Return a new UUIDv7 (RFC 9562, 5.7 and method 3 of 6.2) of now, in order within this process.

    With a moment it is of that one, for a row that says it was made then; in order with others of the same moment.
    """
    global _last, _asked, _given
    if moment is None:
        stamp = (time.time_ns() << 12) // _NANOSECONDS  # in 4096ths of a millisecond
        with _lock:
            _last = stamp = stamp if stamp > _last else _last + 1
    else:
        asked = (round(moment.timestamp() * 1_000_000) << 12) // 1000
        with _lock:
            _given = stamp = _given + 1 if asked == _asked else asked
            _asked = asked
    random = int.from_bytes(os.urandom(8)) >> 2
    return UUID(int=stamp >> 12 << 80 | _VERSION_7 | (stamp & 0xFFF) << 64 | _VARIANT | random)


def lowest_of(moment: datetime) -> UUID:
    """Return the lowest id of a moment: ids from then on are above it, earlier ones below."""
    return UUID(int=int(moment.timestamp() * 1000) << 80 | _VERSION_7 | _VARIANT)


def moment_of(key: UUID) -> datetime:
    """Return the moment at which an id was made, to the millisecond."""
    return datetime.fromtimestamp((key.int >> 80) / 1000, UTC)
