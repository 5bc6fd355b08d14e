"""The customer's request to stop an answer: a timestamp in the cache that expires."""

from datetime import datetime
from typing import Final
from uuid import UUID

from django.core.cache import cache
from redis import RedisError

from core.observability.logging import get_logger
from core.tenancy.models import current_tenant_id

log = get_logger(__name__)
STOP_LIFE: Final = 120
"""Seconds for which the request is kept: longer than any answer takes."""


def stop_key(tenant_id: UUID, conversation_id: UUID) -> str:
    """Return the cache key of the request: `<tenant>:stop:<conversation>`, both as hex."""
    return f"{tenant_id.hex}:stop:{conversation_id.hex}"


def stopped_at(conversation_id: UUID) -> datetime | None:
    """Return when the customer last asked to stop the answer.

    Returns None if never, or without Redis.
    """
    try:
        asked = cache.get(stop_key(current_tenant_id(), conversation_id))
    except (RedisError, OSError):
        log.warning("stop_not_read")
        return None
    return asked if isinstance(asked, datetime) else None
