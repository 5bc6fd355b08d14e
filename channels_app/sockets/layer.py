"""A Redis channel layer by pub/sub that survives outages: connections open, and stay open, without Redis."""

import asyncio
import time
from collections.abc import Collection, Sequence
from functools import cached_property
from typing import Any, Final, Protocol
from uuid import uuid4
from weakref import WeakSet

from channels_redis.pubsub import RedisPubSubChannelLayer
from channels_redis.utils import _consistent_hash
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from core.observability.logging import get_logger

log = get_logger(__name__)
PAUSE: Final = 1.0
INSIST: Final = 5.0


class Listener(Protocol):
    """A connection that hints wake."""

    def hints_lost(self) -> None:
        """Look again: hints may have been lost, and Redis may have forgotten who listens."""


hints_lost_listeners: WeakSet[Listener] = WeakSet()
"""The open connections of this process."""


# The library has no types.
_RedisPubSubChannelLayer: Any = RedisPubSubChannelLayer


class PatientRedisLayer(_RedisPubSubChannelLayer):
    """Opens consumers without Redis, and wakes them after a new connection, to read what pub/sub has lost."""

    def __init__(self, *args: Any, hosts: Sequence[dict[str, Any]] = (), **options: Any) -> None:
        self._hosts, self._prefix = [dict(host) for host in hosts], options.get("prefix", "asgi")
        self._asked_again_at = [0.0] * len(self._hosts)
        hosts = [{**host, "redis_connect_func": _greet} for host in hosts]
        super().__init__(*args, hosts=hosts, **options)

    # ---- for threads, where starting an event loop takes longer than sending

    def listened_to(self, groups: Collection[str]) -> set[str]:
        """Return which groups have a listener. Who subscribes later reads what is not sent.

        Raises `RedisError` where there is one server. Of several, one that is away is left out for a moment: its time
        limit would hold up the hints of the others.
        """
        shards: dict[int, dict[str, str]] = {}
        for group in groups:
            name = self._channel_of(group)
            shards.setdefault(self._shard_of(name), {})[name] = group
        found: set[str] = set()
        for shard, names in shards.items():
            if self._asked_again_at[shard] > time.monotonic():
                continue
            try:
                counts: list[tuple[bytes, int]] = self._senders[shard].pubsub_numsub(*names)
            except (RedisError, OSError):
                if len(self._hosts) == 1:
                    raise
                log.warning("channel_layer_away", server=shard + 1)
                self._asked_again_at[shard] = time.monotonic() + PAUSE
                continue
            found |= {names[name.decode()] for name, listeners in counts if listeners}
        return found

    def send_now(self, group: str, message: dict[str, Any]) -> None:
        """Send a message to a group. Raises `RedisError`."""
        name = self._channel_of(group)
        self._senders[self._shard_of(name)].publish(name, self.serialize(message))

    @cached_property
    def _senders(self) -> list[Any]:
        # Once more at once: perhaps only the connection is gone, since Redis was restarted.
        rests = [{name: value for name, value in host.items() if name != "address"} for host in self._hosts]
        return [
            Redis.from_url(host["address"], retry=Retry(NoBackoff(), 1), **rest)
            for host, rest in zip(self._hosts, rests, strict=True)
        ]

    def _channel_of(self, group: str) -> str:
        return f"{self._prefix}__group__{group}"  # as the library names it

    def _shard_of(self, name: str) -> int:
        place: int = _consistent_hash(name, len(self._hosts))  # as the library spreads them
        return place

    # ---- for the event loop

    async def new_channel(self, prefix: str = "specific.") -> str:
        """Return the name of a new channel, also without Redis."""
        try:
            name: str = await super().__getattr__("new_channel")(prefix)
        except (RedisError, OSError):
            log.warning("channel_layer_away")
            return f"{prefix}{uuid4().hex}"
        return name

    async def receive(self, channel: str) -> Any:
        """Return the next message for a channel."""
        waiting = asyncio.ensure_future(self._receive_patiently(channel))
        try:
            return await asyncio.shield(waiting)
        except asyncio.CancelledError:
            await _end(waiting)
            raise

    async def _receive_patiently(self, channel: str) -> Any:
        while True:
            try:
                return await super().__getattr__("receive")(channel)
            except (RedisError, OSError):
                # A channel that was opened without Redis is not subscribed yet.
                log.warning("channel_layer_away")
                await asyncio.sleep(PAUSE)


async def _end(waiting: asyncio.Future[Any]) -> None:
    """Cancel a task until it is really done, patiently: another cancellation would cut off its unsubscribing.

    The Redis client uses `asyncio.wait_for`, which loses a cancellation that arrives just as it completes
    (Python 3.11) and keeps waiting.
    """
    while not waiting.done():
        waiting.cancel()
        await asyncio.wait([waiting], timeout=INSIST)
    if not waiting.cancelled():
        waiting.exception()


async def _greet(connection: Any) -> None:
    """Greet Redis on a new connection: if there was one before, hints may have been lost since."""
    await connection.on_connect()
    for listener in list(hints_lost_listeners):
        listener.hints_lost()
