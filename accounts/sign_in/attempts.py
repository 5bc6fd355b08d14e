"""Limits of wrong sign-ins per network address and account; those under way hold a place and are no failures."""

import random
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from allauth.core.internal.ratelimit import get_ip
from django.core.cache import cache
from django.db import connection
from django.forms import ValidationError
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from redis import RedisError

from accounts.models import User
from accounts.sessions import company
from core.observability.logging import get_logger
from core.reliability.rate_limit import run_script

log = get_logger(__name__)
PER_ADDRESS: Final = (10, 60)
PER_ACCOUNT: Final = (5, 300)
"""Wrong attempts, and the seconds in which they count."""
LONGEST: Final = 15
"""Seconds after which an attempt under way is taken for a dead process; it still counts as a failure."""
PATIENCE: Final = 20.0
_waiting: Final = threading.BoundedSemaphore(100)
"""Those of this process who wait for the outcome of others; more are refused, so that waiting is no attack."""
TOO_MANY: Final = "Too many failed sign-in attempts. Try again later."
BUSY: Final = "Many people are signing in right now. Try again in a minute."
NOT_NOW: Final = "Signing in isn't possible right now. Try again in a minute."
_GO: Final = 1
_REFUSED: Final = -1
# Keys: for each limit the attempts that count, and those of them that are under way.
_BEGIN: Final = """
local t = redis.call('TIME'); local now = t[1] + t[2] / 1000000
local answer = 1
for n = 1, #KEYS / 2 do
  local counted, under_way = KEYS[2 * n - 1], KEYS[2 * n]
  redis.call('ZREMRANGEBYSCORE', counted, '-inf', now - ARGV[2 * n + 2])
  redis.call('ZREMRANGEBYSCORE', under_way, '-inf', now - ARGV[2])
  if redis.call('ZCARD', counted) >= tonumber(ARGV[2 * n + 1]) then
    if redis.call('ZCARD', under_way) == 0 then return -1 end
    answer = 0
  end
end
if answer == 1 then
  for n = 1, #KEYS / 2 do
    redis.call('ZADD', KEYS[2 * n - 1], now, ARGV[1]); redis.call('EXPIRE', KEYS[2 * n - 1], ARGV[2 * n + 2])
    redis.call('ZADD', KEYS[2 * n], now, ARGV[1]); redis.call('EXPIRE', KEYS[2 * n], ARGV[2])
  end
end
return answer
"""
_END: Final = "for n = 1, #KEYS do redis.call('ZREM', KEYS[n], ARGV[1]) end return 1"


@dataclass
class Attempt:
    """One check of a password or a code; it counts as a failure unless it is marked as right."""

    is_right: bool = False


@contextmanager
def counted(request: HttpRequest, account: str, *, unlocks: bool = False) -> Iterator[Attempt]:
    """Let one attempt through if its network address and its account have tries left.

    While others under way hold the last places, it waits for their outcome: the right ones free theirs.
    With `unlocks`, a right one also forgets the account's failures. Raises ValidationError if there are too
    many failures, or if they can't be counted.
    """
    names = [*_names(f"address:{get_ip(request)}"), *_names(f"account:{account}")]
    ident = secrets.token_hex(8)
    try:
        _begin(names, ident)
    except RedisError:
        log.warning("sign_in_not_counted", exc_info=True)
        raise ValidationError(NOT_NOW, code="unavailable") from None
    attempt = Attempt()
    try:
        yield attempt
    finally:
        try:
            run_script(_END, names if attempt.is_right else names[1::2], ident)
            if attempt.is_right and unlocks:
                forget_failures(account)
        except RedisError:
            log.warning("sign_in_not_settled")  # it counts as a failure until its time is over


def rate_limit_key(address: str) -> str:
    """Return the spelling that attempts count under, as the database compares upper case, where "ı" meets "i"."""
    return address.upper().lower()


def account_of_factors(request: HttpRequest, user: User) -> str:
    """Return what a person's codes and keys count under: a company whose people try them locks its sign-in alone."""
    waiting = request.session.get(company.WAITING) or {}
    return f"code:{user.pk}{waiting.get('tenant', '')}"


def forget_failures(account: str) -> None:
    """Forget the failures of an account; those of network addresses stay. Raises RedisError."""
    cache.delete(_names(f"account:{account}")[0])


def _begin(names: list[str], ident: str) -> None:
    if _has_place(names, ident):
        return
    if not _waiting.acquire(blocking=False):
        raise ValidationError(BUSY, code="busy")
    try:
        if not connection.in_atomic_block:
            connection.close()  # back to the pool: others need it more than one who waits
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            time.sleep(random.uniform(0.03, 0.1))  # noqa: S311  (no secret)
            if _has_place(names, ident):
                return
    finally:
        _waiting.release()
    raise ValidationError(BUSY, code="busy")


def _has_place(names: list[str], ident: str) -> bool:
    """Take the attempt's places, or return False while others under way hold them. Raises ValidationError."""
    answer = run_script(_BEGIN, names, ident, LONGEST, *PER_ADDRESS, *PER_ACCOUNT)
    if answer == _REFUSED:
        raise ValidationError(TOO_MANY, code="too_many_login_attempts")
    return answer == _GO


def _names(limited: str) -> tuple[str, str]:
    name = salted_hmac("walker.sign_in", limited).hexdigest()
    return f"sign-in:{name}", f"sign-in-now:{name}"
