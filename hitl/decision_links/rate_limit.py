"""Limit wrong entries on a link, counted in Redis. While Redis is down, nothing is limited."""

from __future__ import annotations

from typing import Final

from django.core.cache import cache
from django.utils.crypto import salted_hmac
from redis import RedisError

from core.observability.logging import get_logger
from core.reliability.rate_limit import count_or_let_pass

log = get_logger(__name__)
WRONG_PER_WINDOW: Final = 10
WINDOW: Final = 600


def record_wrong_answer(token: str, address: str) -> None:
    """Count a wrong entry on a link from an address."""
    count_or_let_pass(_name(token, address), seconds=WINDOW)


def is_rate_limited(token: str, address: str) -> bool:
    """Return True after too many wrong entries on a link from one address in ten minutes.

    Counted by link and address, so that a scanner elsewhere doesn't lock out the person.
    """
    try:
        return int(cache.get(_name(token, address)) or 0) >= WRONG_PER_WINDOW
    except RedisError:
        log.warning("link_limit_not_checked")
        return False


def _name(token: str, address: str) -> str:
    return f"link-wrong:{salted_hmac('walker.links', f'{token} {address}').hexdigest()}"
