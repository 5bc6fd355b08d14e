"""Limits of the MCP endpoint: requests a minute, one call of an answer at a time."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from uuid import UUID

from django.core.cache import cache
from redis import RedisError

from core.errors import TooMany, Unavailable
from core.reliability.rate_limit import count_or_let_pass
from core.tenancy.scope import current_tenant_id

CALL_SECONDS: Final = 25.0
"""For one call; a flow has about half a minute for its whole answer."""
MOST_A_MINUTE: Final = 120
MINUTE: Final = 60
OVER: Final = "run_over"
_LOOK_AGAIN: Final = 0.05


def count_request(answer_id: UUID) -> None:
    """Count one request for an answer. Raises `TooMany`."""
    slot = int(time.time()) // MINUTE
    if count_or_let_pass(f"{current_tenant_id()}:mcp:{answer_id}:{slot}", seconds=2 * MINUTE) > MOST_A_MINUTE:
        raise TooMany("Too many requests in a minute.", retry_after=MINUTE)


@contextmanager
def alone(answer_id: UUID) -> Iterator[None]:
    """Let the calls of an answer wait for one another, as those of a model do. Raises `Unavailable`."""
    name, until = f"{current_tenant_id()}:mcp-call:{answer_id}", time.monotonic() + CALL_SECONDS
    try:
        while not cache.add(name, True, timeout=2 * CALL_SECONDS):
            if time.monotonic() > until:
                raise Unavailable("Another call of this run is still under way.")
            time.sleep(_LOOK_AGAIN)
    except RedisError as error:
        raise Unavailable("Try again in a moment.") from error
    try:
        yield
    finally:
        cache.delete(name)
