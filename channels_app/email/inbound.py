"""The door for SendGrid's events: verified, stored by one INSERT, answered; everything else happens afterwards."""

import hashlib
from typing import Final

from django.core.cache import cache
from django.core.exceptions import SuspiciousOperation
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from redis.exceptions import RedisError

from channels_app import deliveries, hints
from channels_app.email import mailboxes, signature
from channels_app.whatsapp.inbound import REFUSED, REFUSED_SHOWN, TAKEN, Refusal, refused_key
from core.clock import now
from core.log import get_logger

log = get_logger(__name__)

PROVIDER: Final = "sendgrid"
# The vendor posts up to 768 kB at a time.
BODY_LIMIT: Final = 2 * 1024 * 1024


@csrf_exempt  # carries no cookie and trusts none: the signature is the proof
@require_POST
def events(request: HttpRequest, key: str) -> HttpResponse:
    """`POST /channels/email/<key>/events/`: what became of mails, many events at a time."""
    try:
        deliveries.store(_arrival(request, key))
    except Refusal as refusal:
        REFUSED.labels(PROVIDER, refusal.reason).inc()
        return HttpResponse(status=refusal.status)
    except DatabaseError:
        log.warning("webhook_not_stored", provider=PROVIDER, exc_info=True)
        REFUSED.labels(PROVIDER, "database").inc()
        return HttpResponse(status=503)
    TAKEN.labels(PROVIDER).inc()
    hints.stored.give()
    return HttpResponse(status=200)


def _arrival(request: HttpRequest, key: str) -> deliveries.Arrival:
    body = _body(request)
    door = _verified(request, body, key)
    digest = hashlib.sha256(body).hexdigest()
    return deliveries.Arrival(
        provider=PROVIDER,
        tenant_id=door.tenant_id,
        account_id=door.account_id,
        event_key=f"batch:{digest}",
        # A line of its own: batches may overtake one another, the rows only ever move forward.
        queue_key=digest,
        body=body,
    )


def _body(request: HttpRequest) -> bytes:
    if not request.headers.get(signature.SIGNATURE_HEADER, "").strip():
        raise Refusal("no_signature")
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdigit() or int(length) > BODY_LIMIT:
        raise Refusal("too_large", 413)
    try:
        body = request.body
    except (OSError, SuspiciousOperation) as problem:
        raise Refusal("too_large", 413) from problem
    if len(body) > BODY_LIMIT:
        raise Refusal("too_large", 413)
    return body


def _verified(request: HttpRequest, body: bytes, key: str) -> mailboxes.MailDoor:
    """Return the mail account whose key verifies the raw bytes."""
    door = mailboxes.find_door(key)
    if door is None:
        raise Refusal("unknown_account")
    if not door.keys:
        log.warning("channel_without_secret", account=str(door.account_id))
        raise Refusal("no_secret", 503)
    timestamp = request.headers.get(signature.TIMESTAMP_HEADER, "").strip()
    given = request.headers.get(signature.SIGNATURE_HEADER, "").strip()
    if not signature.is_signed(body=body, timestamp=timestamp, signature=given, keys=door.keys):
        _note_refused(door)
        raise Refusal("bad_signature")
    if not signature.is_fresh(timestamp, now()):
        raise Refusal("stale")
    return door


def _note_refused(door: mailboxes.MailDoor) -> None:
    try:
        cache.set(refused_key(door.tenant_id, door.account_id), 1, timeout=REFUSED_SHOWN)
    except (RedisError, OSError):
        log.warning("refusal_not_noted")
