"""A Redis channel layer that survives outages: connections stay open and polling continues."""

from __future__ import annotations

import asyncio
from typing import Any, Final, Protocol
from weakref import WeakSet

from channels_redis.core import RedisChannelLayer
from redis import RedisError

from core.observability.logging import get_logger

log = get_logger(__name__)
PAUSE: Final = 1.0
INSIST: Final = 0.05


class Listener(Protocol):
    """A connection that hints wake."""

    def hints_lost(self) -> None:
        """Look again: hints may have been lost, and Redis may have forgotten who listens."""


hints_lost_listeners: WeakSet[Listener] = WeakSet()
"""The open connections of this process."""


class PatientRedisLayer(RedisChannelLayer):
    """Waits for Redis instead of ending the consumer, and releases a consumer that disconnects."""

    async def receive(self, channel: str) -> Any:
        """Return the next message for a channel.

        Lost hints are made up for by reading the rows.
        """
        waiting = asyncio.ensure_future(self._receive_patiently(channel))
        try:
            return await asyncio.shield(waiting)
        except asyncio.CancelledError:
            await _end(waiting)
            raise

    async def _receive_patiently(self, channel: str) -> Any:
        while True:
            try:
                return await super().receive(channel)
            except (RedisError, OSError):
                log.warning("channel_layer_away")
                await asyncio.sleep(PAUSE)
                if await self._is_back():
                    for listener in list(hints_lost_listeners):
                        listener.hints_lost()

    async def _is_back(self) -> bool:
        try:
            await self.connection(0).ping()
        except (RedisError, OSError):
            return False
        return True


async def _end(waiting: asyncio.Future[Any]) -> None:
    """Cancel a task until it is really done.

    The Redis client uses `asyncio.wait_for`, which loses a cancellation that arrives just as it completes
    (Python 3.11) and keeps waiting.
    """
    while not waiting.done():
        waiting.cancel()
        await asyncio.wait([waiting], timeout=INSIST)
    if not waiting.cancelled():
        waiting.exception()
