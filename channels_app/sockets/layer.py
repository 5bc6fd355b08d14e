"""A Redis channel layer by pub/sub that survives outages: connections open, and stay open, without Redis."""

import asyncio
from collections.abc import Collection, Sequence
from functools import cached_property
from typing import Any, Final, Protocol
from uuid import uuid4
from weakref import WeakSet

from channels_redis.pubsub import RedisPubSubChannelLayer
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
        self._host, self._prefix = dict(hosts[0]), options.get("prefix", "asgi")
        hosts = [{**host, "redis_connect_func": _greet} for host in hosts]
        super().__init__(*args, hosts=hosts, **options)

    # ---- for threads, where starting an event loop takes longer than sending

    def listened_to(self, groups: Collection[str]) -> set[str]:
        """Return which groups have a listener. Raises `RedisError`. Who subscribes later reads what is not sent."""
        names = {self._channel_of(group): group for group in groups}
        counts: list[tuple[bytes, int]] = self._sender.pubsub_numsub(*names)
        return {names[name.decode()] for name, listeners in counts if listeners}

    def send_now(self, group: str, message: dict[str, Any]) -> None:
        """Send a message to a group. Raises `RedisError`."""
        self._sender.publish(self._channel_of(group), self.serialize(message))

    @cached_property
    def _sender(self) -> Any:
        # Once more at once: perhaps only the connection is gone, since Redis was restarted.
        rest = {name: value for name, value in self._host.items() if name != "address"}
        return Redis.from_url(self._host["address"], retry=Retry(NoBackoff(), 1), **rest)

    def _channel_of(self, group: str) -> str:
        return f"{self._prefix}__group__{group}"  # as the library names it

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
