"""Who views a conversation now: an expiring key in Redis, an entry for each connection, staff's with id and name."""

import time
from typing import Any, Final, Literal
from uuid import UUID

import redis

from channels_app.web_chat.settings.limits import async_redis, key
from core.events import streams
from core.observability.logging import get_logger

log = get_logger(__name__)
PERSON_TYPING: Final = "person_typing"
LIFE: Final = 150  # seconds; each connection refreshes its entry at least twice in this time
Side = Literal["customer", "staff"]
Present = dict[str, Any]
"""How many connections of each side there are, and as `people` the id and name of each colleague, once."""


def _key(tenant_id: UUID, conversation_id: UUID) -> str:
    return key(tenant_id.hex, "presence", conversation_id.hex)


async def arrive(
    tenant_id: UUID, conversation_id: UUID, side: Side, connection: str, *, person: UUID | None = None, name: str = ""
) -> Present | None:
    """Record that a connection is present, tell staff of changes, and return who is; None without Redis."""
    place = _key(tenant_id, conversation_id)
    async with async_redis().pipeline(transaction=False) as pipe:
        pipe.zadd(place, {_entry(side, connection, person, name): time.time() + LIFE})
        pipe.zremrangebyscore(place, 0, time.time())
        pipe.expire(place, LIFE)
        pipe.zrange(place, 0, -1)
        added, gone, _, members = await _run(pipe, 4)
    if members is None:
        return None
    counts = _counts(members)
    if added or gone:
        _publish(tenant_id, conversation_id, counts)
    return counts


async def leave(
    tenant_id: UUID, conversation_id: UUID, side: Side, connection: str, *, person: UUID | None = None, name: str = ""
) -> None:
    """Record that a connection has left."""
    place = _key(tenant_id, conversation_id)
    async with async_redis().pipeline(transaction=False) as pipe:
        pipe.zrem(place, _entry(side, connection, person, name))
        pipe.zrangebyscore(place, time.time(), "+inf")
        removed, members = await _run(pipe, 2)
    if removed:
        _publish(tenant_id, conversation_id, _counts(members))


async def count(tenant_id: UUID, conversation_id: UUID) -> Present:
    """Return how many connections of each side are present."""
    async with async_redis().pipeline(transaction=False) as pipe:
        pipe.zrangebyscore(_key(tenant_id, conversation_id), time.time(), "+inf")
        (members,) = await _run(pipe, 1)
    return _counts(members)


def say_typing(tenant_id: UUID, conversation_id: UUID, person: UUID, name: str) -> None:
    """Send `agent.typing` to the staff who watch this conversation: a colleague writes an answer. Nothing is kept."""
    facts = {"person": str(person), "name": name}
    streams.transient(f"conversation-staff:{conversation_id}", "agent.typing", facts, tenant_id=tenant_id)


def say_answering(tenant_id: UUID, conversation_id: UUID, first_name: str) -> None:
    """Send `person_typing` to the customer's pages, which learn the name only where the channel shows it."""
    stream = f"conversation:{conversation_id}"
    streams.fleeting(stream, PERSON_TYPING, {"name": first_name}, tenant_id=tenant_id)


def _entry(side: Side, connection: str, person: UUID | None, name: str) -> str:
    return f"{side}|{connection}|{person or ''}|{name}"


def _counts(members: list[bytes] | None) -> Present:
    found: Present = {"customer": 0, "staff": 0}
    people: dict[str, str] = {}
    for member in members or []:
        side, _, person, name = member.decode().split("|", 3)
        found[side] += 1
        if person:
            people[person] = name
    return {**found, "people": [{"person": one, "name": people[one]} for one in sorted(people)]}


def _publish(tenant_id: UUID, conversation_id: UUID, counts: Present) -> None:
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
