"""Counters of what happens, which `/metrics` shows beside the gauges of health."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter

REGISTRY = CollectorRegistry()


def counter(name: str, help: str, labels: Sequence[str] = ()) -> Counter:
    """Make a counter of this process, named `walker_<thing>_total`; labels are few and never personal."""
    return Counter(name, help, list(labels), registry=REGISTRY)
