"""The fact of how long events wait for their consumers, for alerts."""

from typing import Final

from core import bus
from core.bus.lag import seconds_behind
from core.observability import facts
from core.observability.facts import Fact
from core.reliability import loose_cache

KEY: Final = "bus:lag"
KEPT: Final = 10.0
"""Seconds for which one organisation's reading serves all: it is the same for each."""


def slowest_consumer() -> float:
    """Return for how many seconds the slowest consumer of events is behind, over all organisations."""
    known = loose_cache.find(KEY, what="bus lag")
    if known is not None:
        return float(known)
    seconds = max((seconds_behind(name) for name in bus.names()), default=0.0)
    loose_cache.keep(KEY, seconds, seconds=KEPT, what="bus lag")
    return seconds


def register() -> None:
    """Register the fact."""
    facts.register(Fact("bus_lag", "Seconds that the oldest event waits to be counted and passed on", slowest_consumer))
