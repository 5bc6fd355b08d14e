"""Rate limits counted in Redis; while it is down, nothing is limited."""

from django.core.cache import cache
from redis import RedisError

from core.observability.logging import get_logger

log = get_logger(__name__)


def count_up(name: str, *, seconds: float) -> int:
    """Increment a counter that expires `seconds` after its first increment.

    Returns its value. Returns 0 if it expired just now. Raises RedisError.
    """
    cache.add(name, 0, timeout=seconds)
    try:
        return int(cache.incr(name))
    except ValueError:  # it expired between the two commands
        return 0


def count_or_let_pass(name: str, *, seconds: float) -> int:
    """Increment a counter as `count_up` does.

    Without Redis return 0 and log a warning.
    """
    try:
        return count_up(name, seconds=seconds)
    except RedisError:
        log.warning("limit_not_checked", limit=name.partition(":")[0])
        return 0
