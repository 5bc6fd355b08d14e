"""Counters of what happens, which `/metrics` shows beside the gauges of health."""

import os
from collections.abc import Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

REGISTRY = CollectorRegistry()
SHARED_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"


def counter(name: str, help: str, labels: Sequence[str] = ()) -> Counter:
    """Make a counter named `walker_<thing>_total`; labels are few and never personal.

    Where the environment names a shared folder, each process counts into a file of its own there.
    """
    return Counter(name, help, list(labels), registry=REGISTRY)


def counters_as_text() -> bytes:
    """Return the counters of all processes that share a folder, ended ones too; else those of this process."""
    folder = os.environ.get(SHARED_FOLDER)
    if not folder:
        return generate_latest(REGISTRY)
    shared = CollectorRegistry()
    MultiProcessCollector(shared, path=folder)  # type: ignore[no-untyped-call]
    return generate_latest(shared)
