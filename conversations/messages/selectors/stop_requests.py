"""The customer's request to stop an answer: a timestamp in the cache that expires."""

from datetime import datetime
from typing import Final
from uuid import UUID

from core.reliability import loose_cache
from core.tenancy.models import current_tenant_id

STOP_LIFE: Final = 120
"""Seconds for which the request is kept: longer than any answer takes."""


def stop_key(tenant_id: UUID, conversation_id: UUID) -> str:
    """Return the cache key of the request: `<tenant>:stop:<conversation>`, both as hex."""
    return f"{tenant_id.hex}:stop:{conversation_id.hex}"


def stopped_at(conversation_id: UUID) -> datetime | None:
    """Return when the customer last asked to stop the answer.

    Returns None if never, or without Redis.
    """
    asked = loose_cache.find(stop_key(current_tenant_id(), conversation_id), what="stop")
    return asked if isinstance(asked, datetime) else None
