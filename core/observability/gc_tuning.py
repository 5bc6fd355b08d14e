"""Garbage collections that nobody notices: seldom while a process loads, and without what it loaded afterwards."""

from __future__ import annotations

import gc
from typing import Final

_USUAL: Final = gc.get_threshold()
_SELDOM: Final = (50_000, 20, 20)


def load_quickly() -> None:
    """Collect seldom from here on: nearly everything that loading makes stays, and looking at it took a fifth of it."""
    gc.set_threshold(*_SELDOM)


def settle() -> None:
    """Load the addresses with their views, which would else come with the first use, and keep all that is loaded.

    A full collection walks through everything else: 45,000 objects of theirs took some ten milliseconds of
    somebody's page each time.
    """
    from django.urls import get_resolver  # noqa: PLC0415  (loading begins before Django is there)

    _ = get_resolver().reverse_dict
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_USUAL)
