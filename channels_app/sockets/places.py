"""How many live connections an organisation's people and apps have, in an expiring set in Redis, and their limit.

Customers' chats are not among them: a customer who writes is never turned away.
"""

import time
from typing import Final
from uuid import UUID

import redis

from channels_app.sockets.thread_pool import in_scope
from channels_app.web_chat.settings.limits import async_redis, key, sync_redis
from core.observability.logging import get_logger
from core.reliability import limits
from core.tenancy.scope import current_tenant_id

log = get_logger(__name__)
LIFE: Final = 150
"""Seconds after which a connection that says nothing is gone; each renews its place at least twice in this time."""


async def take(tenant_id: UUID, connection: str) -> bool:
    """Take a new connection's place; False beyond the tier's limit. Without Redis all have one."""
    most = await in_scope(tenant_id, limits.limit_of, "sockets")
    taken = await renew(tenant_id, connection)
    if most is None or taken <= most:
        return True
    await leave(tenant_id, connection)
    return False


async def renew(tenant_id: UUID, connection: str) -> int:
    """Keep a connection's place, also where Redis forgot it, and return how many are taken; 0 without Redis."""
    place = _key(tenant_id)
    try:
        # In one step: of two that come together the second counts both, and the first itself alone.
        async with async_redis().pipeline(transaction=True) as pipe:
            pipe.zremrangebyscore(place, 0, time.time())
            pipe.zadd(place, {connection: time.time() + LIFE})
            pipe.expire(place, LIFE)
            pipe.zcard(place)
            return int((await pipe.execute())[-1])
    except redis.RedisError:
        log.warning("places_not_counted")
        return 0


async def leave(tenant_id: UUID, connection: str) -> None:
    """Give a connection's place back."""
    try:
        await async_redis().zrem(_key(tenant_id), connection)
    except redis.RedisError:
        log.warning("places_not_counted")


class SocketLimit(limits.Limit):
    """Live connections of the console and of apps."""

    label, unit, period = "Live connections", "live connections", "day"

    def used(self) -> int | None:
        """Count the places that are taken, None without Redis."""
        try:
            return int(sync_redis().zcount(_key(current_tenant_id()), time.time(), "+inf"))
        except redis.RedisError:
            log.warning("places_not_counted")
            return None


limits.kinds.register("sockets", SocketLimit)


def _key(tenant_id: UUID) -> str:
    return key(tenant_id.hex, "places")
