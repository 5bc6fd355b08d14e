"""Hint to the worker that something was stored, at most one per pause and process."""

import os
import threading
import time
from collections.abc import Callable
from typing import Final

from core.jobs import queues
from core.observability.logging import get_logger

log = get_logger(__name__)

PAUSE: Final = 0.05


class Hint:
    """Calls `send` soon after `give`, once for all calls in between, on its own thread."""

    def __init__(self, send: Callable[[], object], *, pause: float = PAUSE) -> None:
        self._send, self._pause = send, pause
        self._given = threading.Event()
        self._guard = threading.Lock()
        self._process = 0

    def give(self) -> None:
        """Request a hint; returns at once."""
        self._given.set()
        if self._process != os.getpid():
            with self._guard:
                if self._process != os.getpid():
                    # A forked child has the flag but not the thread.
                    self._process = os.getpid()
                    threading.Thread(target=self._run, name="delivery-hints", daemon=True).start()

    def _run(self) -> None:
        while True:
            self._given.wait()
            self._given.clear()
            try:
                self._send()
            except Exception:
                # A hint is only a hint: the sweep finds the row.
                log.warning("delivery_hint_lost", exc_info=True)
            time.sleep(self._pause)


def _enqueue() -> None:
    queues.enqueue("work_deliveries")


stored = Hint(_enqueue)
