"""The customer's wish that an answer be stopped: a moment in the cache, which forgets it by itself."""

from datetime import datetime
from typing import Final
from uuid import UUID

from django.core.cache import cache
from redis import RedisError

from core.observability.logging import get_logger
from core.tenancy.models import current_tenant_id

log = get_logger(__name__)
STOP_LIFE: Final = 120
"""Seconds for which the wish is kept: longer than any answer takes."""


def stop_key(tenant_id: UUID, conversation_id: UUID) -> str:
    """Return the cache key of the wish: `<tenant>:stop:<conversation>`, both as hex."""
    return f"{tenant_id.hex}:stop:{conversation_id.hex}"


def stopped_at(conversation_id: UUID) -> datetime | None:
    """Return when the customer last asked for an answer to stop; None when he did not, or Redis is away."""
    try:
        asked = cache.get(stop_key(current_tenant_id(), conversation_id))
    except (RedisError, OSError):
        log.warning("stop_not_read")
        return None
    return asked if isinstance(asked, datetime) else None
