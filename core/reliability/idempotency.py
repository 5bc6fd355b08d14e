"""Idempotency keys: a request sent twice is executed once, and both get the same response."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Q

from core.clock import now as clock_now
from core.errors import Conflict, Invalid
from core.models import IdempotencyRecord
from core.retention import remove

LEASE: Final = timedelta(seconds=60)
KEPT_FOR: Final = timedelta(hours=24)
KEY_LIMIT: Final = 255


class KeyReused(Conflict, status=422, code="idempotency_key_reused"):
    """This idempotency key was used for a different request."""


@dataclass(frozen=True, slots=True)
class Replay:
    """The stored response to the first request under a key."""

    status: int
    answer: Any


def digest(*parts: str | bytes) -> str:
    """Return the SHA-256 (hex) of a request's parts (method, path, body), separated."""
    total = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        total.update(len(content).to_bytes(8, "big") + content)
    return total.hexdigest()


def begin(
    *, scope: str, key: str, request_digest: str, about: Iterable[UUID] = (), now: datetime | None = None
) -> Replay | None:
    """Claim a key for a request of the tenant in scope.

    None means "execute it, then `finish`". Returns the stored response if the same request was finished before.
    Raises KeyReused (422) for another request under the key, Conflict `in_progress` (409) while the first is
    running, Invalid for an unusable key. A request running for more than 60 seconds counts as dead and is taken
    over. The key is stored as a digest for 24 hours. `about` are the ids by which an erasure finds the answer.
    """
    if not 0 < len(key) <= KEY_LIMIT:
        raise Invalid(f"Use 1 to {KEY_LIMIT} characters for an idempotency key.")
    moment = now or clock_now()
    mine = IdempotencyRecord(
        scope=scope,
        key_digest=digest(key),
        request_digest=request_digest,
        about=sorted({str(key) for key in about}),
        created_at=moment,
        lease_until=moment + LEASE,
    )
    IdempotencyRecord.objects.bulk_create([mine], ignore_conflicts=True)
    first = IdempotencyRecord.objects.filter(scope=scope, key_digest=mine.key_digest).first()
    if first is None:
        # The other request was abandoned between our two statements.
        raise Conflict("The first request under this key just ended. Send it again.", code="in_progress")
    return None if first.id == mine.id else _settle(first, request_digest, moment)


def _settle(first: IdempotencyRecord, request_digest: str, moment: datetime) -> Replay | None:
    if first.request_digest != request_digest:
        raise KeyReused
    if first.state == IdempotencyRecord.State.FINISHED:
        return Replay(first.status or 200, first.answer)
    stale = IdempotencyRecord.objects.filter(
        id=first.id, state=IdempotencyRecord.State.RUNNING, lease_until=first.lease_until
    )
    if first.lease_until <= moment and stale.update(lease_until=moment + LEASE):
        return None
    begun = first.created_at.isoformat()
    raise Conflict("The first request under this key is still running.", code="in_progress", begun_at=begun)


def finish(*, scope: str, key: str, status: int, answer: Any) -> None:
    """Store the response of a request that `begin` accepted, in the transaction of its work.

    Raises Conflict if another call finished it in between: roll back then, or the work is done twice.
    """
    running = _running(scope, key)
    if not running.update(state=IdempotencyRecord.State.FINISHED, status=status, answer=answer):
        raise Conflict("This request was already finished by another call.", code="already_finished")


def abandon(*, scope: str, key: str) -> None:
    """Free the key of a request that failed without effect, so that the client can retry."""
    _running(scope, key).delete()


def _running(scope: str, key: str) -> Any:
    return IdempotencyRecord.objects.filter(scope=scope, key_digest=digest(key), state=IdempotencyRecord.State.RUNNING)


def purge(*, now: datetime | None = None) -> int:
    """Delete a batch of records older than 24 hours; return how many. For the sweep."""
    before = (now or clock_now()) - KEPT_FOR
    return remove(IdempotencyRecord, Q(created_at__lt=before))
