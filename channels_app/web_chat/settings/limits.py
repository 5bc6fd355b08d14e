"""Rate limits per address or visitor: token buckets in Redis."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakKeyDictionary

import redis
import redis.asyncio
from django.conf import settings

from core.db import redis_servers
from core.observability.logging import get_logger

log = get_logger(__name__)

_SCRIPT: Final = """
local t = redis.call('TIME'); local now = t[1] * 1000 + math.floor(t[2] / 1000)
local size = tonumber(ARGV[1]); local span = tonumber(ARGV[2])
local had = redis.call('HMGET', KEYS[1], 'left', 'at')
local left = tonumber(had[1]) or size
left = math.min(size, left + (now - (tonumber(had[2]) or now)) * size / span)
local cost = tonumber(ARGV[3] or 1)
local ok = 0
if left >= cost then left = left - cost; ok = 1 end
redis.call('HSET', KEYS[1], 'left', tostring(left), 'at', now)
redis.call('PEXPIRE', KEYS[1], span * 2)
return ok
"""
_async_clients: WeakKeyDictionary[Any, redis.asyncio.Redis] = WeakKeyDictionary()
_sync_clients: dict[str, redis.Redis] = {}


def key(*parts: str) -> str:
    """Return a Redis key with the installation's prefix. The tenant, if any, comes first."""
    return ":".join([settings.CACHES["default"]["KEY_PREFIX"], *parts])


def async_redis() -> redis.asyncio.Redis:
    """Return the client of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _async_clients:
        url = settings.CACHE_URL
        _async_clients[loop] = redis.asyncio.Redis.from_url(url, **redis_servers.options_of(url))
    return _async_clients[loop]


def sync_redis() -> redis.Redis:
    """Return the process's client for code that runs in threads."""
    url = settings.CACHE_URL
    if url not in _sync_clients:
        _sync_clients[url] = redis_servers.client_of(url)
    return _sync_clients[url]


@dataclass(frozen=True, slots=True)
class Bucket:
    """`size` requests at once, refilled evenly over `seconds`. Without Redis every request passes, which is logged."""

    size: int
    seconds: int

    async def take(self, *parts: str) -> bool:
        """Take one request from the bucket of this key; False when it is empty."""
        try:
            found = await async_redis().eval(_SCRIPT, 1, key(*parts), self.size, self.seconds * 1000)
        except redis.RedisError:
            log.warning("limit_not_checked")
            return True
        return bool(found)

    def take_now(self, *parts: str) -> bool:
        """Take one request, from code that runs in a thread."""
        try:
            found = sync_redis().eval(_SCRIPT, 1, key(*parts), self.size, self.seconds * 1000)
        except redis.RedisError:
            log.warning("limit_not_checked")
            return True
        return bool(found)

    def spend_now(self, amount: int, *parts: str) -> bool:
        """Take an amount, from code that runs in a thread; False when there is less, and when Redis can't count."""
        try:
            return bool(sync_redis().eval(_SCRIPT, 1, key(*parts), self.size, self.seconds * 1000, amount))
        except redis.RedisError:
            log.warning("limit_not_checked")
            return False
