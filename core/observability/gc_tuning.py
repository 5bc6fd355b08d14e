"""Garbage collections that nobody notices: what is loaded once is left out of them."""

from __future__ import annotations

import gc

from django.urls import get_resolver


def settle() -> None:
    """Load the addresses with their views, which would else come with the first use, and keep all that is loaded.

    A full collection walks through everything else: 45,000 objects of theirs took some ten milliseconds of
    somebody's page each time.
    """
    _ = get_resolver().reverse_dict
    gc.collect()
    gc.freeze()
