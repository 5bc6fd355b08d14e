"""Live hints leave a process by one thread of their own, so that nobody who commits waits for Redis."""

import asyncio
import atexit
import os
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, Final

from channels.layers import get_channel_layer

from core.observability.logging import get_logger

log = get_logger(__name__)

# The confirmation of what was committed goes first: this thread would fight it for the interpreter.
PAUSE: Final = 0.01
LAST_WAIT: Final = 2.0
Work = Callable[[], None]


class _Thread:
    """The queue and the thread behind it; a forked child makes its own."""

    def __init__(self) -> None:
        self.queue: SimpleQueue[tuple[str, dict[str, Any]] | Work] = SimpleQueue()
        self.started = False
        self.guard = threading.Lock()

    def put(self, item: tuple[str, dict[str, Any]] | Work) -> None:
        self.queue.put(item)
        if self.started:
            return
        with self.guard:
            if not self.started:
                threading.Thread(target=self.run, name="hints", daemon=True).start()
                self.started = True

    def run(self) -> None:
        # One loop for good: the channel layer keeps its connection for as long as the loop lives.
        loop = asyncio.new_event_loop()
        while True:
            first = self.queue.get()
            time.sleep(PAUSE)
            items = _coalesced([first, *self.waiting()])
            # All frames in one turn of the loop: to begin and end one takes longer than to send a frame.
            loop.run_until_complete(_send([item for item in items if not callable(item)]))
            for item in items:
                if callable(item):
                    try:
                        item()
                    except Exception:
                        # A sweep does what was not asked for.
                        log.warning("live_hint_lost", exc_info=True)

    def waiting(self) -> list[tuple[str, dict[str, Any]] | Work]:
        found = []
        while True:
            try:
                found.append(self.queue.get_nowait())
            except Empty:
                return found


_thread = _Thread()


def post(group: str, message: dict[str, Any]) -> None:
    """Send a frame to a group of the channel layer soon, after those posted before it."""
    _thread.put((group, message))


def run_soon(work: Work) -> None:
    """Call a function soon on the thread of the hints; posted many times at once, it runs once."""
    _thread.put(work)


def flush(seconds: float = LAST_WAIT) -> bool:
    """Wait until all that was posted is sent; False when that takes too long."""
    if not _thread.started:
        return True
    done = threading.Event()
    _thread.put(done.set)
    return done.wait(seconds)


def _coalesced(items: list[Any]) -> list[Any]:
    """Keep the last of several hints about one stream, and of several calls of one function."""
    kept: dict[Any, Any] = {}
    for number, item in enumerate(items):
        if callable(item):
            key: Any = item
        elif item[1]["type"] == "stream.event":
            key = item[0]
        else:
            key = number
        kept.pop(key, None)
        kept[key] = item
    return list(kept.values())


async def _send(frames: list[tuple[str, dict[str, Any]]]) -> None:
    for group, message in frames:
        try:
            layer: Any = get_channel_layer()
            await layer.group_send(group, message)
        except Exception:
            # A hint is only a hint: listeners read the rows, and poll when no hint arrives.
            log.warning("live_hint_lost", exc_info=True)


def _start_anew() -> None:
    global _thread
    _thread = _Thread()


os.register_at_fork(after_in_child=_start_anew)
atexit.register(flush)
