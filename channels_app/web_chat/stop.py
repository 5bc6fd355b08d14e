"""Ask the agent to stop its answer, through a note in the cache."""

from __future__ import annotations

from uuid import UUID

from django.core.cache import cache
from redis import RedisError

from conversations.selectors import STOP_LIFE, stop_key
from core.clock import now
from core.observability.logging import get_logger

log = get_logger(__name__)


async def request_stop(tenant_id: UUID, conversation_id: UUID) -> None:
    """Store the request with its time.

    Without Redis the page at least hides the rest of the answer.
    """
    try:
        await cache.aset(stop_key(tenant_id, conversation_id), now(), timeout=STOP_LIFE)
    except (RedisError, OSError):
        log.warning("stop_not_kept")
