"""The channel layer on Redis that outlives an outage of Redis: lines stay open, and polling goes on."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from channels_redis.core import RedisChannelLayer
from redis import RedisError

from core.log import get_logger

log = get_logger(__name__)
PAUSE: Final = 1.0


class PatientRedisLayer(RedisChannelLayer):
    """Waits for Redis instead of ending the consumer that listens."""

    async def receive(self, channel: str) -> Any:
        """Return the next message for a channel; hints that are lost meanwhile are read from the rows."""
        while True:
            try:
                return await super().receive(channel)
            except (RedisError, OSError):
                log.warning("channel_layer_away")
                await asyncio.sleep(PAUSE)
