"""What is loaded once, and loaded before anybody waits for it."""

import gc
from contextvars import Context
from typing import Any

from django.core.cache import caches
from django.urls import get_resolver

from core.observability.garbage_collector import freeze_loaded_objects


def test_what_is_loaded_is_left_out_of_collections() -> None:
    freeze_loaded_objects()
    try:
        assert gc.get_freeze_count() > 100_000
        assert get_resolver()._populated  # type: ignore[attr-defined]
    finally:
        gc.unfreeze()


def test_requests_share_a_connection_to_redis() -> None:
    assert len({Context().run(_client) for _ in range(3)}) == 1


def _client() -> Any:
    return caches["default"]._cache.get_client()  # type: ignore[attr-defined]
