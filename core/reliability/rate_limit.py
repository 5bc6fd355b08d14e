"""Rate limits counted in Redis; while it is down, nothing is limited."""

import time
from collections.abc import Sequence
from typing import Any, Final

from django.core.cache import cache
from redis import RedisError

from core.errors import TooMany
from core.observability.logging import get_logger

log = get_logger(__name__)
HOUR: Final = 3600
MINUTE: Final = 60


def count_up(name: str, *, seconds: float) -> int:
    """Increment and return a counter that lasts `seconds`; 0 if it expired just now. Raises RedisError."""
    cache.add(name, 0, timeout=seconds)
    try:
        return int(cache.incr(name))
    except ValueError:  # it expired between the two commands
        return 0


def in_this_minute(name: str) -> str:
    """Return the name of a counter that begins again with each minute."""
    return f"{name}:{int(time.time()) // MINUTE}"


def run_script(script: str, names: Sequence[str], *values: str | float) -> int:
    """Run a Lua script on the cache's Redis as one step; it gets the names as keys. Raises RedisError."""
    shared: Any = cache
    keys = [shared.make_key(name) for name in names]
    return int(shared._cache.get_client(None, write=True).eval(script, len(keys), *keys, *values))


def count_or_let_pass(name: str, *, seconds: float) -> int:
    """Increment a counter as `count_up` does. Without Redis return 0 and log a warning."""
    try:
        return count_up(name, seconds=seconds)
    except RedisError:
        log.warning("limit_not_checked", limit=name.partition(":")[0])
        return 0


def limit_per_hour(name: str, *, limit: int, sentence: str) -> None:
    """Count one use in an hour; raises `TooMany` with the sentence beyond the limit. Nothing without Redis."""
    if count_or_let_pass(name, seconds=HOUR) > limit:
        raise TooMany(sentence, limit=limit, retry_after=HOUR)
