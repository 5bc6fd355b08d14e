"""The last value of each reading, kept for a day in the cache: by tenant, account and what was asked."""

import hashlib
from datetime import datetime, timedelta
from typing import Final

from core.clock import now
from core.errors import Unavailable
from core.http import Reply
from core.privacy.encryption import seal, unseal
from core.reliability import loose_cache
from integrations.calls.operations import Line, Operation, Request

KEPT: Final = timedelta(days=1)
LARGEST: Final = 500_000
"""Bytes of an answer that is kept."""
PURPOSE: Final = "integrations.reading"


def keep(line: Line, operation: Operation, request: Request, reply: Reply) -> None:
    """Keep an answer, encrypted: it may hold a person's data."""
    if operation.executes or not operation.keeps_last or len(reply.body) > LARGEST:
        return
    key = _key(line, operation, request)
    sealed = seal(reply.body, purpose=PURPOSE, bound_to=key)
    loose_cache.keep(key, (now().timestamp(), sealed), seconds=KEPT.total_seconds(), what="outside reading")


def find(line: Line, operation: Operation, request: Request, *, within: timedelta) -> tuple[Reply, datetime] | None:
    """Return the last answer and when it was read, unless it is older than `within`."""
    key = _key(line, operation, request)
    kept = loose_cache.find(key, what="outside reading")
    if kept is None:
        return None
    moment, sealed = datetime.fromtimestamp(kept[0], tz=now().tzinfo), kept[1]
    if now() - moment > min(within, KEPT):
        return None
    try:
        return Reply(200, {}, unseal(sealed, purpose=PURPOSE, bound_to=key)), moment
    except Unavailable:  # its key is gone, or it was changed: there is no last value
        return None


def _key(line: Line, operation: Operation, request: Request) -> str:
    asked = hashlib.sha256(f"{operation.method} {request.target}".encode()).hexdigest()
    place = line.connection
    return f"{place.tenant_id.hex}:outside:{place.pk.hex}:{operation.key}:{asked}"
