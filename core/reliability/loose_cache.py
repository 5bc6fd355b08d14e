"""The cache where nothing depends on it: while Redis is away nothing is found, and nothing is kept."""

from typing import Any

from django.core.cache import cache
from redis.exceptions import RedisError

from core.observability.logging import get_logger

log = get_logger(__name__)


def find(key: str, *, what: str) -> Any:
    """Return what is kept under a key, or None; `what` names it in the log."""
    try:
        return cache.get(key)
    except (RedisError, OSError):
        log.warning("cache_not_read", what=what)
        return None


def keep(key: str, value: object, *, seconds: float, what: str) -> None:
    """Keep a value under a key for some seconds."""
    try:
        cache.set(key, value, timeout=seconds)
    except (RedisError, OSError):
        log.warning("cache_not_written", what=what)


def forget(key: str, *, what: str) -> None:
    """Keep a value no longer."""
    try:
        cache.delete(key)
    except (RedisError, OSError):
        log.warning("cache_not_written", what=what)
