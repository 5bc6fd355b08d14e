"""The channel layer on Redis that outlives an outage of Redis: lines stay open, and polling goes on."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from channels_redis.core import RedisChannelLayer
from redis import RedisError

from core.observability.logging import get_logger

log = get_logger(__name__)
PAUSE: Final = 1.0
INSIST: Final = 0.05


class PatientRedisLayer(RedisChannelLayer):
    """Waits for Redis instead of ending the consumer that listens, and lets go of one that hangs up."""

    async def receive(self, channel: str) -> Any:
        """Return the next message for a channel; hints that are lost meanwhile are read from the rows."""
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


async def _end(waiting: asyncio.Future[Any]) -> None:
    """Cancel until it has worked: `asyncio.wait_for`, with which the Redis client sends under a time
    limit, loses a cancellation that comes just when it is done (Python 3.11), and waits on."""
    while not waiting.done():
        waiting.cancel()
        await asyncio.wait([waiting], timeout=INSIST)
    if not waiting.cancelled():
        waiting.exception()
