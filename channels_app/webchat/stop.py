"""The wish that an answer be stopped: a flag that whoever writes the answer may look at."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.core.cache import cache
from redis import RedisError

from core.log import get_logger

log = get_logger(__name__)
LIFE: Final = 120  # seconds


def flag(tenant_id: UUID, conversation_id: UUID) -> str:
    """Return the cache key of the wish: `<tenant>:stop:<conversation>`, both as hex."""
    return f"{tenant_id.hex}:stop:{conversation_id.hex}"


async def ask(tenant_id: UUID, conversation_id: UUID) -> None:
    """Leave the wish; without Redis the page at least shows no more of the answer."""
    try:
        await cache.aset(flag(tenant_id, conversation_id), 1, timeout=LIFE)
    except (RedisError, OSError):
        log.warning("stop_not_kept")
