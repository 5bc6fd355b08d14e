"""Reads that idle connections of one process share, so that thousands of them cost a few queries a minute."""

import asyncio
import time
from typing import Final
from uuid import UUID
from weakref import WeakKeyDictionary

from channels_app.sockets.thread_pool import in_scope
from channels_app.web_chat import conversation as chat
from channels_app.web_chat.conversation import Entry
from channels_app.web_chat.tokens import Guest
from core.events import streams
from core.observability.logging import get_logger

log = get_logger(__name__)

GATHER: Final = 0.25
MOST_ENTRIES: Final = 10_000
Waiting = dict[UUID, dict[str, "asyncio.Future[int]"]]


class Heads:
    """The last numbers of streams: asked in one query for all who ask within a moment."""

    def __init__(self) -> None:
        self.waiting: WeakKeyDictionary[asyncio.AbstractEventLoop, Waiting] = WeakKeyDictionary()
        self.reading: set[asyncio.Task[None]] = set()

    async def of(self, tenant_id: UUID, stream: str) -> int:
        """Return the last number of a stream. Raises what the database raises."""
        loop = asyncio.get_running_loop()
        waiting = self.waiting.setdefault(loop, {})
        if tenant_id not in waiting:
            waiting[tenant_id] = {}
            task = loop.create_task(self.read(waiting, tenant_id))
            self.reading.add(task)
            task.add_done_callback(self.reading.discard)
        answer = waiting[tenant_id].setdefault(stream, loop.create_future())
        return await asyncio.shield(answer)

    async def read(self, waiting: Waiting, tenant_id: UUID) -> None:
        """Wait for more to ask, and answer all."""
        await asyncio.sleep(GATHER)
        asked = waiting.pop(tenant_id)
        try:
            found = await in_scope(tenant_id, streams.heads, list(asked))
        except Exception as error:
            # Each who asked gets it, and asks again later.
            log.warning("heads_not_read", exc_info=True)
            for answer in asked.values():
                answer.set_exception(error)
                answer.exception()  # read, also where nobody waits any more
            return
        for stream, answer in asked.items():
            answer.set_result(found.get(stream, 0))


class Entries:
    """What decides whether guests may stay connected: read once for all guests of a widget, and for each member."""

    def __init__(self) -> None:
        self.kept: dict[tuple[object, ...], tuple[float, Entry | None]] = {}

    async def of(self, guest: Guest, *, younger_than: float) -> Entry | None:
        """Return what decided about such a guest less than so many seconds ago, or decides now."""
        alike = (guest.tenant_id, guest.account_id, guest.kind, guest.user_id, guest.vouched)
        at, entry = self.kept.get(alike, (float("-inf"), None))
        moment = time.monotonic()
        if moment - at < younger_than:
            return entry
        entry = await in_scope(guest.tenant_id, chat.check_entry, guest)
        if len(self.kept) >= MOST_ENTRIES:
            self.kept.clear()
        self.kept[alike] = (moment, entry)
        return entry


heads, entries = Heads(), Entries()
