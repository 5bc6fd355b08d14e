"""Who is viewing a conversation now: expiring entries in Redis."""

from __future__ import annotations

import time
from typing import Any, Final, Literal
from uuid import UUID

import redis
from channels.layers import get_channel_layer

from channels_app.webchat.limits import async_redis, key
from core.events.streams import group_name
from core.observability.logging import get_logger

log = get_logger(__name__)
LIFE: Final = 150  # seconds; each connection refreshes its entry at least twice in this time
Side = Literal["customer", "staff"]


def _key(tenant_id: UUID, conversation_id: UUID) -> str:
    return key(tenant_id.hex, "presence", conversation_id.hex)


async def arrive(tenant_id: UUID, conversation_id: UUID, side: Side, connection: str) -> None:
    """Record that a connection is (still) present.

    Publish the counts when they change.
    """
    name = _key(tenant_id, conversation_id)
    async with async_redis().pipeline(transaction=False) as pipe:
        pipe.zadd(name, {f"{side}|{connection}": time.time() + LIFE})
        pipe.zremrangebyscore(name, 0, time.time())
        pipe.expire(name, LIFE)
        added, gone, _ = await _run(pipe, 3)
    if added or gone:
        await publish_presence(tenant_id, conversation_id)


async def leave(tenant_id: UUID, conversation_id: UUID, side: Side, connection: str) -> None:
    """Record that a connection has left."""
    async with async_redis().pipeline(transaction=False) as pipe:
        pipe.zrem(_key(tenant_id, conversation_id), f"{side}|{connection}")
        (removed,) = await _run(pipe, 1)
    if removed:
        await publish_presence(tenant_id, conversation_id)


async def count(tenant_id: UUID, conversation_id: UUID) -> dict[str, int]:
    """Return how many connections of each side are present."""
    async with async_redis().pipeline(transaction=False) as pipe:
        pipe.zrangebyscore(_key(tenant_id, conversation_id), time.time(), "+inf")
        (members,) = await _run(pipe, 1)
    found = {"customer": 0, "staff": 0}
    for member in members or []:
        found[member.decode().partition("|")[0]] += 1
    return found


async def publish_presence(tenant_id: UUID, conversation_id: UUID) -> None:
    """Send `agent.presence` to the staff who watch this conversation."""
    counts = await count(tenant_id, conversation_id)
    await send_transient(tenant_id, f"conversation-staff:{conversation_id}", "agent.presence", dict(counts))


async def send_transient(tenant_id: UUID, stream: str, event: str, payload: dict[str, Any]) -> None:
    """Send a transient frame to the subscribers of a stream, from async code.

    It may get lost.
    """
    layer: Any = get_channel_layer()
    message = {"type": "stream.transient", "stream": stream, "event": event, "payload": payload}
    try:
        await layer.group_send(group_name(tenant_id, stream), message)
    except (redis.RedisError, OSError):
        log.warning("live_hint_lost", hint="stream.transient")


async def _run(pipe: Any, answers: int) -> list[Any]:
    try:
        found: list[Any] = await pipe.execute()
    except redis.RedisError:
        log.warning("presence_not_kept")
        return [None] * answers
    return found
