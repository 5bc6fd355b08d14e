"""A request sent twice under one key is done once, and its second sender gets the first answer."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from django.db.models import Q

from core.clock import now as clock_now
from core.errors import Conflict, Invalid
from core.models import IdempotencyRecord
from core.retention import BATCH, remove

LEASE: Final = timedelta(seconds=60)
KEPT_FOR: Final = timedelta(hours=24)
KEY_LIMIT: Final = 255


class KeyReused(Conflict):
    """This idempotency key was used for a different request."""

    status: ClassVar[int] = 422
    default_code: ClassVar[str] = "idempotency_key_reused"


@dataclass(frozen=True, slots=True)
class Replay:
    """The answer that the first request under a key got."""

    status: int
    answer: Any


def digest(*parts: str | bytes) -> str:
    """Return the SHA-256 (hex) of a request's parts (method, path, body), each kept apart."""
    total = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        total.update(len(content).to_bytes(8, "big") + content)
    return total.hexdigest()


def begin(*, scope: str, key: str, request_digest: str, now: datetime | None = None) -> Replay | None:
    """Claim a key for a request in the tenant in scope; None means "do the work, then `finish`".

    Returns the first answer when the same request was finished before. Raises `KeyReused` (422) for
    another request under the key, `Conflict` "in_progress" (409) while the first still runs,
    `Invalid` for an unusable key. A run that is older than 60 seconds counts as dead and is taken
    over. The key is kept as a digest, for 24 hours.
    """
    if not 0 < len(key) <= KEY_LIMIT:
        raise Invalid(f"An idempotency key has 1 to {KEY_LIMIT} characters.")
    moment = now or clock_now()
    mine = IdempotencyRecord(
        scope=scope,
        key_digest=digest(key),
        request_digest=request_digest,
        created_at=moment,
        lease_until=moment + LEASE,
    )
    IdempotencyRecord.objects.bulk_create([mine], ignore_conflicts=True)
    first = IdempotencyRecord.objects.filter(scope=scope, key_digest=mine.key_digest).first()
    if first is None:
        # The other sender gave up between our two statements.
        raise Conflict("The first request under this key just ended.", code="in_progress")
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
    """Keep the answer of a request that `begin` let through; call it in the work's transaction.

    Raises `Conflict` when somebody finished it in between: the work is then done twice, roll back.
    """
    running = _running(scope, key)
    if not running.update(state=IdempotencyRecord.State.FINISHED, status=status, answer=answer):
        raise Conflict("This request was already finished by another call.", code="already_finished")


def abandon(*, scope: str, key: str) -> None:
    """Free a key whose work failed without effect, so that the client may try again."""
    _running(scope, key).delete()


def _running(scope: str, key: str) -> Any:
    return IdempotencyRecord.objects.filter(scope=scope, key_digest=digest(key), state=IdempotencyRecord.State.RUNNING)


def purge(*, now: datetime | None = None, limit: int = BATCH) -> int:
    """Remove records older than 24 hours, a batch at a time; returns how many. For the sweep."""
    before = (now or clock_now()) - KEPT_FOR
    return remove(IdempotencyRecord, Q(created_at__lt=before), limit=limit)
