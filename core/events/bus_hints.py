"""Wake the bus after commits; the sweep finds what a lost hint was about."""

import time
from typing import Final

from django.core.cache import cache

from core.events import live
from core.jobs import queueing

HINT: Final = "walker:bus-hint"
EVERY: Final = 0.25
"""Seconds between two hints of a process: one turn takes all that was committed until then."""
_hinted_at = 0.0


def wake_soon() -> None:
    """Queue a turn of the bus; several calls make one task."""
    global _hinted_at
    moment = time.monotonic()
    if moment - _hinted_at >= EVERY:
        _hinted_at = moment
        live.run_soon(_wake)


def _wake() -> None:
    if cache.add(HINT, 1, timeout=1):
        queueing.enqueue("run_bus")


def clear() -> None:
    """Let the next commit queue a turn, before one looks for events."""
    cache.delete(HINT)
