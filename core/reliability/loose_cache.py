"""The cache where nothing depends on it: while Redis is away nothing is found, and nothing is kept."""

from datetime import datetime
from typing import Any

from django.core.cache import cache
from redis.exceptions import RedisError

from core.clock import now
from core.errors import Unavailable
from core.observability.logging import get_logger
from core.privacy.encryption import seal, unseal

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


def keep_sealed(key: str, content: bytes, *, purpose: str, seconds: float, what: str) -> None:
    """Keep bytes that may hold a person's data, encrypted for a purpose, with the moment at which they are kept."""
    keep(key, (now().timestamp(), seal(content, purpose=purpose, bound_to=key)), seconds=seconds, what=what)


def find_sealed(key: str, *, purpose: str, what: str) -> tuple[bytes, datetime] | None:
    """Return such bytes and since when they are kept, or None; also where their key is gone, or they were changed."""
    kept = find(key, what=what)
    if kept is None:
        return None
    moment, sealed = kept
    try:
        return unseal(sealed, purpose=purpose, bound_to=key), datetime.fromtimestamp(moment, tz=now().tzinfo)
    except Unavailable:
        return None
