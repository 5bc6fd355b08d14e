"""Counting in Redis how often something happened within some time; Redis is never the truth, so callers let pass."""

from django.core.cache import cache
from redis import RedisError

from core.observability.logging import get_logger

log = get_logger(__name__)


def count_up(name: str, *, seconds: float) -> int:
    """Count one more under a name that is forgotten so long after the first, and return how many there are.

    Returns 0 when the time ended just now. Raises RedisError.
    """
    cache.add(name, 0, timeout=seconds)
    try:
        return int(cache.incr(name))
    except ValueError:  # it was forgotten between the two commands
        return 0


def count_or_let_pass(name: str, *, seconds: float) -> int:
    """Count as `count_up` does, for callers that let everything through without Redis: 0 then, and a warning."""
    try:
        return count_up(name, seconds=seconds)
    except RedisError:
        log.warning("limit_not_checked", limit=name.partition(":")[0])
        return 0
