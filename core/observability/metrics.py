"""Counters, which `/metrics` shows beside the gauges of health."""

import os
from collections.abc import Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

REGISTRY = CollectorRegistry()
SHARED_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"


def counter(name: str, help: str, labels: Sequence[str] = ()) -> Counter:
    """Create a counter `walker_<thing>_total`, per process in a shared folder if there is one; no personal labels."""
    return Counter(name, help, list(labels), registry=REGISTRY)


def counters_as_text() -> bytes:
    """Return the counters of all processes that share a folder, else those of this process."""
    folder = os.environ.get(SHARED_FOLDER)
    if not folder:
        return generate_latest(REGISTRY)
    shared = CollectorRegistry()
    MultiProcessCollector(shared, path=folder)  # type: ignore[no-untyped-call]
    return generate_latest(shared)
