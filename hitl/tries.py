"""How often a link was tried in vain, counted in Redis: without it everything is let through."""

from __future__ import annotations

from typing import Final

from django.core.cache import cache
from django.utils.crypto import salted_hmac
from redis import RedisError

from core.log import get_logger
from core.rates import count_up

log = get_logger(__name__)
UNKNOWN_PER_MINUTE: Final = 30
WRONG_PER_WINDOW: Final = 10
WINDOW: Final = 600


def is_guessing(address: str) -> bool:
    """Note an unknown link from an address; tells whether there were too many within a minute."""
    return _count(f"link-unknown:{_opaque(address)}", 60) > UNKNOWN_PER_MINUTE


def note_wrong(token: str, address: str) -> None:
    """Note a wrong answer to a link from an address."""
    _count(_name(token, address), WINDOW)


def is_tired(token: str, address: str) -> bool:
    """Tell whether a link was answered wrongly too often from an address in these ten minutes.

    By both: a scanner elsewhere that fills in forms does not keep the person from deciding.
    """
    try:
        return int(cache.get(_name(token, address)) or 0) >= WRONG_PER_WINDOW
    except RedisError:
        log.warning("link_limit_not_checked")
        return False


def _name(token: str, address: str) -> str:
    return f"link-wrong:{_opaque(f'{token} {address}')}"


def _opaque(text: str) -> str:
    return salted_hmac("walker.links", text).hexdigest()


def _count(name: str, seconds: int) -> int:
    """Count up from the first try on, for so long."""
    try:
        return count_up(name, seconds=seconds)
    except RedisError:
        log.warning("link_limit_not_checked")
        return 0
