"""Send live hints from a thread of their own, so that no commit waits for Redis."""

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

# Wait a moment: otherwise this thread competes with the response for the interpreter. A worker, which no browser waits
# for, collects a little longer: frames that go together cost its listeners once.
PAUSE: Final = 0.03 if os.environ.get("WALKER_PROCESS") == "worker" else 0.01
LAST_WAIT: Final = 2.0
UNHEARD_FOR: Final = 1.0  # how long nobody is asked again whether they listen to a group's passing frames
MOST_UNHEARD: Final = 10_000
Work = Callable[[], None]


class _Thread:
    """The queue and its thread; a forked child starts its own."""

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
        while True:
            first = self.queue.get()
            time.sleep(PAUSE)
            items = _coalesced([first, *self.waiting()])
            # The frames that wait for one group go as one, in their order: each costs its sender and its listeners.
            groups: dict[str, list[dict[str, Any]]] = {}
            for group, message in (item for item in items if not callable(item)):
                groups.setdefault(group, []).append(message)
            several = {"type": "stream.several"}
            _send([(group, ms[0] if len(ms) == 1 else {**several, "messages": ms}) for group, ms in groups.items()])
            for item in items:
                if callable(item):
                    try:
                        item()
                    except Exception:
                        # A sweep does what this call could not.
                        log.warning("live_hint_lost", exc_info=True)

    def waiting(self) -> list[tuple[str, dict[str, Any]] | Work]:
        found = []
        while True:
            try:
                found.append(self.queue.get_nowait())
            except Empty:
                return found


_thread = _Thread()
_unheard: dict[str, float] = {}


def post(group: str, message: dict[str, Any]) -> None:
    """Queue a frame for a group of the channel layer; it is sent if somebody listens by then."""
    _thread.put((group, message))


def post_passing(group: str, message: dict[str, Any]) -> None:
    """Queue a frame that nobody misses: none where nobody listened to the group within the last second."""
    if _unheard.get(group, 0.0) < time.monotonic():
        _thread.put((group, message))


def run_soon(work: Work) -> None:
    """Queue a call of a function on the hint thread. Several waiting calls run as one."""
    _thread.put(work)


def flush(seconds: float = LAST_WAIT) -> bool:
    """Wait until the queue is sent; return False if that takes too long."""
    if not _thread.started:
        return True
    done = threading.Event()
    _thread.put(done.set)
    return done.wait(seconds)


def _coalesced(items: list[Any]) -> list[Any]:
    """Keep only the last hint about each stream, and one call of each function."""
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


def _send(frames: list[tuple[str, dict[str, Any]]]) -> None:
    """Send each frame to which somebody listens."""
    if not frames:
        return
    try:
        layer: Any = get_channel_layer()
        heard = layer.listened_to([group for group, _ in frames])
    except Exception:
        # Losing hints is harmless: listeners read the rows, and poll when none arrives.
        log.warning("live_hint_lost", exc_info=True)
        return
    if len(_unheard) > MOST_UNHEARD:
        _unheard.clear()
    for group, message in frames:
        if group not in heard:
            _unheard[group] = time.monotonic() + UNHEARD_FOR
            continue
        _unheard.pop(group, None)
        try:
            layer.send_now(group, message)
        except Exception:
            # The next group's listeners get theirs.
            log.warning("live_hint_lost", exc_info=True)


def _restart_in_child() -> None:
    global _thread
    _thread = _Thread()


os.register_at_fork(after_in_child=_restart_in_child)
atexit.register(flush)
