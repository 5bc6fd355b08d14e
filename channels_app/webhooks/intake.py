"""Shared by all webhooks: a bounded body, counted refusals, storing and the answer."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

from django.core.exceptions import SuspiciousOperation
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse

from core.clock import now
from core.observability.logging import get_logger
from core.observability.metrics import counter
from core.reliability import loose_cache

log = get_logger(__name__)

REFUSED_SHOWN: Final = 24 * 3600
WINDOW: Final = 300.0
"""Seconds for which a timestamp counts that is signed."""
REFUSED = counter("walker_webhook_refused_total", "Webhooks that were refused, by reason.", ["provider", "reason"])
TAKEN = counter("walker_webhook_taken_total", "Webhooks that were stored, or repeated.", ["provider"])


class Refusal(Exception):
    """The request is refused; the reason is counted, the caller only sees the status."""

    def __init__(self, reason: str, status: int = 403) -> None:
        super().__init__(reason)
        self.reason, self.status = reason, status


def body_of(request: HttpRequest, *, limit: int) -> bytes:
    """Return the body of a request. Raises `Refusal` when it is too large."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdigit() or int(length) > limit:
        raise Refusal("too_large", 413)
    try:
        # Read here, as Meta's webhooks are larger than Django's limit for forms.
        body = request.read(limit + 1)
    except (OSError, SuspiciousOperation) as problem:
        raise Refusal("too_large", 413) from problem
    if len(body) > limit:
        raise Refusal("too_large", 413)
    return body


def signed_body(request: HttpRequest, *, header: str, limit: int) -> bytes:
    """Return the body of a signed request. Raises `Refusal` without a signature or when too large."""
    if not request.headers.get(header, "").strip():
        raise Refusal("no_signature")
    return body_of(request, limit=limit)


def is_fresh(timestamp: str, moment: datetime) -> bool:
    """Return True if a timestamp (Unix seconds) is within the window around a moment."""
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return False
    return abs(moment.timestamp() - int(timestamp)) <= WINDOW


def note_of_age(timestamp: str) -> str:
    """Return what to say about a sample that would be too old by now, "" for a fresh one."""
    return "" if is_fresh(timestamp, now()) else " If it came now, it would be refused because of its age."


def take(provider: str, store: Callable[[], object]) -> HttpResponse | None:
    """Store a webhook and return None, or count the refusal and return its response."""
    try:
        store()
    except Refusal as refusal:
        REFUSED.labels(provider, refusal.reason).inc()
        return HttpResponse(status=refusal.status)
    except DatabaseError:
        log.warning("webhook_not_stored", provider=provider, exc_info=True)
        REFUSED.labels(provider, "database").inc()
        return HttpResponse(status=503)
    TAKEN.labels(provider).inc()
    return None


def refused_key(tenant_id: UUID, account_id: UUID) -> str:
    """Return the cache key that tells the console about a recent wrong signature."""
    return f"{tenant_id.hex}:webhook-refused:{account_id.hex}"


def note_refused(accounts: Iterable[tuple[UUID, UUID]]) -> None:
    """Remember a wrong signature for a day, for the console. Accounts are (tenant, account)."""
    for tenant_id, account_id in accounts:
        loose_cache.keep(refused_key(tenant_id, account_id), 1, seconds=REFUSED_SHOWN, what="refusal")
