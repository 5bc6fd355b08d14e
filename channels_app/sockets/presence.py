"""Who is looking at a conversation now: entries in Redis that end by themselves."""

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
LIFE: Final = 40  # seconds; each line refreshes its entry several times within it
Side = Literal["customer", "staff"]


def _key(tenant_id: UUID, conversation_id: UUID) -> str:
    return key(tenant_id.hex, "presence", conversation_id.hex)


async def arrive(tenant_id: UUID, conversation_id: UUID, side: Side, line: str) -> None:
    """Note that one line of a side is there, or still there; tells the console when the count changes."""
    name = _key(tenant_id, conversation_id)
    async with async_redis().pipeline(transaction=False) as pipe:
        pipe.zadd(name, {f"{side}|{line}": time.time() + LIFE})
        pipe.zremrangebyscore(name, 0, time.time())
        pipe.expire(name, LIFE)
        added, gone, _ = await _run(pipe, 3)
    if added or gone:
        await tell(tenant_id, conversation_id)


async def leave(tenant_id: UUID, conversation_id: UUID, side: Side, line: str) -> None:
    """Note that a line has gone."""
    async with async_redis().pipeline(transaction=False) as pipe:
        pipe.zrem(_key(tenant_id, conversation_id), f"{side}|{line}")
        (removed,) = await _run(pipe, 1)
    if removed:
        await tell(tenant_id, conversation_id)


async def count(tenant_id: UUID, conversation_id: UUID) -> dict[str, int]:
    """Return how many lines of each side are there now."""
    async with async_redis().pipeline(transaction=False) as pipe:
        pipe.zrangebyscore(_key(tenant_id, conversation_id), time.time(), "+inf")
        (members,) = await _run(pipe, 1)
    found = {"customer": 0, "staff": 0}
    for member in members or []:
        found[member.decode().partition("|")[0]] += 1
    return found


async def tell(tenant_id: UUID, conversation_id: UUID) -> None:
    """Send `agent.presence` to the staff who watch this conversation."""
    counts = await count(tenant_id, conversation_id)
    await send_transient(tenant_id, f"conversation-staff:{conversation_id}", "agent.presence", dict(counts))


async def send_transient(tenant_id: UUID, stream: str, event: str, payload: dict[str, Any]) -> None:
    """Send a passing frame to the listeners of a stream, from asynchronous code; a lost one is lost."""
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
