"""Base of both sockets: send frames, close once, subscribe to stream hints."""

import asyncio
import contextlib
import json
import random
import time
from collections.abc import Iterable
from typing import Any, ClassVar, Final
from uuid import UUID

from channels.consumer import get_handler_name
from channels.generic.websocket import AsyncWebsocketConsumer
from redis import RedisError

from core.events.streams import group_name
from core.observability import metrics
from core.observability.logging import get_logger

log = get_logger(__name__)

# Close codes; the pages know them.
BAD, NOT_SIGNED_IN, NOT_ALLOWED, LATE, TOO_MANY, RESTART = 4400, 4401, 4403, 4408, 4429, 1012
BAD_FRAMES = 3
# After hints may have been lost, all connections look again: not all in the same moment.
SPREAD: Final = 2.0
RELISTENED: Final = 0.2
AGAIN_AFTER: Final = 5.0  # where the database is away


class SocketConnection(AsyncWebsocketConsumer):
    """One WebSocket. State lives in the stream rows; hints only wake the connection."""

    route: ClassVar[str]
    """Its name in metrics."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.bad = 0
        self.gone = False
        self.ended_with = 1006
        self.sending = asyncio.Lock()
        self.look_at = 0.0
        self.woken = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve the connection until its end, however it ends."""
        metrics.note_socket_opened(self.route)
        try:
            await super().__call__(scope, receive, send)
        finally:
            metrics.note_socket_closed(self.route, self.ended_with)

    def hints_lost(self) -> None:
        """Look again soon, once this process listens to Redis again."""
        asyncio.get_running_loop().call_later(RELISTENED + random.uniform(0, SPREAD), self.look_soon)  # noqa: S311

    def look_soon(self) -> None:
        """Look again as soon as the connection's own task runs."""
        self.look_at = 0.0
        self.woken.set()

    def look_after(self, seconds: float) -> None:
        """Look again after about so long: not all connections in the same moment."""
        self.look_at = time.monotonic() + seconds * random.uniform(0.8, 1.2)  # noqa: S311

    async def rest_for(self, seconds: float) -> None:
        """Wait up to this many seconds, or until woken."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.woken.wait(), max(0.0, seconds))
        self.woken.clear()

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Handle one message. Channels' own look for old connections is left out: `thread_pool` does that."""
        if message["type"] == "websocket.disconnect" and not self.gone:
            self.ended_with = message["code"] or 1005
        await getattr(self, get_handler_name(message))(message)

    async def stream_several(self, message: dict[str, Any]) -> None:
        """Handle the hints and frames of a group that were sent together."""
        for each in message["messages"]:
            await self.dispatch(each)

    async def say(self, frame: dict[str, Any]) -> None:
        """Send one frame while the connection is open."""
        if not self.gone:
            await self.send(text_data=json.dumps(frame, separators=(",", ":")))

    async def hang_up(self, code: int) -> None:
        """Close the connection once."""
        if not self.gone:
            self.gone, self.ended_with = True, code
            await self.close(code=code)

    def header(self, name: str) -> str:
        """Return a header of the handshake."""
        wanted = name.encode()
        return next((v.decode("latin1") for k, v in self.scope["headers"] if k == wanted), "")

    async def ask_for_hints(self, tenant_id: UUID, streams: Iterable[str]) -> None:
        """Subscribe to hints about new rows on these streams."""
        for stream in streams:
            try:
                await self.channel_layer.group_add(group_name(tenant_id, stream), self.channel_name)
            except (RedisError, OSError):
                log.warning("live_hints_off")  # those of other streams may be on another server

    async def end_hints(self, tenant_id: UUID, streams: Iterable[str]) -> None:
        """Unsubscribe from hints."""
        with contextlib.suppress(RedisError, OSError):  # the entries expire anyway
            for stream in streams:
                await self.channel_layer.group_discard(group_name(tenant_id, stream), self.channel_name)
