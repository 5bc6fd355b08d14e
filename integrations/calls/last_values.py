"""The last value of each reading, kept for a day in the cache: by tenant, account and what was asked."""

import hashlib
from datetime import datetime, timedelta
from typing import Final

from django.core.cache import cache

from core.clock import now
from core.http import Reply
from core.reliability import loose_cache
from integrations.calls.operations import Line, Operation, Request

KEPT: Final = timedelta(days=1)
LARGEST: Final = 500_000
"""Bytes of an answer that is kept."""
PURPOSE: Final = "integrations.reading"
_WHAT: Final = "outside reading"


def keep(line: Line, operation: Operation, request: Request, reply: Reply) -> None:
    """Keep an answer, encrypted: it may hold a person's data."""
    if operation.executes or not operation.keeps_last or len(reply.body) > LARGEST:
        return
    key = _key(line, operation, request)
    loose_cache.keep_sealed(key, reply.body, purpose=PURPOSE, seconds=KEPT.total_seconds(), what=_WHAT)


def find(line: Line, operation: Operation, request: Request, *, within: timedelta) -> tuple[Reply, datetime] | None:
    """Return the last answer and when it was read, unless it is older than `within`."""
    kept = loose_cache.find_sealed(_key(line, operation, request), purpose=PURPOSE, what=_WHAT)
    if kept is None or now() - kept[1] > min(within, KEPT):
        return None
    return Reply(200, {}, kept[0]), kept[1]


def forget(line: Line, operation: Operation, request: Request) -> None:
    """Keep an answer no longer, because it is known to be outdated. Raises RedisError."""
    cache.delete(_key(line, operation, request))


def _key(line: Line, operation: Operation, request: Request) -> str:
    # Some systems are asked by a body: two questions at one address are two readings.
    asked = hashlib.sha256(f"{operation.method} {request.target}\n".encode() + request.body).hexdigest()
    place = line.connection
    return f"{place.tenant_id.hex}:outside:{place.pk.hex}:{operation.key}:{asked}"
