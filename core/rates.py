"""Counting in Redis how often something happened within some time; Redis is never the truth, so callers let pass."""

from django.core.cache import cache


def count_up(name: str, *, seconds: float) -> int:
    """Count one more under a name that is forgotten so long after the first, and return how many there are.

    Returns 0 when the time ended just now. Raises RedisError.
    """
    cache.add(name, 0, timeout=seconds)
    try:
        return int(cache.incr(name))
    except ValueError:  # it was forgotten between the two commands
        return 0
