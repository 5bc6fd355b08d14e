"""Who is viewing a conversation now: one key in Redis with a time to live, and an entry for each connection in it."""

from __future__ import annotations

import time
from typing import Any, Final, Literal
from uuid import UUID

import redis

from channels_app.webchat.limits import async_redis, key
from core.events import streams
from core.observability.logging import get_logger

log = get_logger(__name__)
LIFE: Final = 150  # seconds; each connection refreshes its entry at least twice in this time
Side = Literal["customer", "staff"]


def _key(tenant_id: UUID, conversation_id: UUID) -> str:
    return key(tenant_id.hex, "presence", conversation_id.hex)


async def arrive(tenant_id: UUID, conversation_id: UUID, side: Side, connection: str) -> dict[str, int] | None:
    """Record that a connection is (still) present, and return who is: one round trip; None without Redis.

    The staff who watch learn of a change, also of a connection that ended without a word.
    """
    name = _key(tenant_id, conversation_id)
    async with async_redis().pipeline(transaction=False) as pipe:
        pipe.zadd(name, {f"{side}|{connection}": time.time() + LIFE})
        pipe.zremrangebyscore(name, 0, time.time())
        pipe.expire(name, LIFE)
        pipe.zrange(name, 0, -1)
        added, gone, _, members = await _run(pipe, 4)
    if members is None:
        return None
    counts = _counts(members)
    if added or gone:
        _publish(tenant_id, conversation_id, counts)
    return counts


async def leave(tenant_id: UUID, conversation_id: UUID, side: Side, connection: str) -> None:
    """Record that a connection has left."""
    name = _key(tenant_id, conversation_id)
    async with async_redis().pipeline(transaction=False) as pipe:
        pipe.zrem(name, f"{side}|{connection}")
        pipe.zrangebyscore(name, time.time(), "+inf")
        removed, members = await _run(pipe, 2)
    if removed:
        _publish(tenant_id, conversation_id, _counts(members))


async def count(tenant_id: UUID, conversation_id: UUID) -> dict[str, int]:
    """Return how many connections of each side are present."""
    async with async_redis().pipeline(transaction=False) as pipe:
        pipe.zrangebyscore(_key(tenant_id, conversation_id), time.time(), "+inf")
        (members,) = await _run(pipe, 1)
    return _counts(members)


def _counts(members: list[bytes] | None) -> dict[str, int]:
    found = {"customer": 0, "staff": 0}
    for member in members or []:
        found[member.decode().partition("|")[0]] += 1
    return found


def _publish(tenant_id: UUID, conversation_id: UUID, counts: dict[str, int]) -> None:
    """Send `agent.presence` to the staff who watch this conversation; they are present themselves."""
    if counts["staff"]:
        streams.transient(f"conversation-staff:{conversation_id}", "agent.presence", dict(counts), tenant_id=tenant_id)


async def _run(pipe: Any, answers: int) -> list[Any]:
    try:
        found: list[Any] = await pipe.execute()
    except redis.RedisError:
        log.warning("presence_not_kept")
        return [None] * answers
    return found
