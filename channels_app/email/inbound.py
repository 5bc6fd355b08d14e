"""The door for SendGrid's events: verified, stored by one INSERT, answered; everything else happens afterwards."""

import hashlib
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from channels_app.email import mailboxes, signature
from channels_app.webhooks import deliveries, wake_worker
from channels_app.webhooks.intake import Refusal, note_refused, signed_body, take
from core.clock import now
from core.observability.logging import get_logger

log = get_logger(__name__)

PROVIDER: Final = "sendgrid"
# The vendor posts up to 768 kB at a time.
BODY_LIMIT: Final = 2 * 1024 * 1024


@csrf_exempt  # carries no cookie and trusts none: the signature is the proof
@require_POST
def events(request: HttpRequest, key: str) -> HttpResponse:
    """`POST /channels/email/<key>/events/`: what became of mails, many events at a time."""
    return take(PROVIDER, lambda: _store(request, key)) or HttpResponse(status=200)


def _store(request: HttpRequest, key: str) -> None:
    deliveries.store(_arrival(request, key))
    wake_worker.stored.give()


def _arrival(request: HttpRequest, key: str) -> deliveries.Arrival:
    body = signed_body(request, header=signature.SIGNATURE_HEADER, limit=BODY_LIMIT)
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
        note_refused([(door.tenant_id, door.account_id)])
        raise Refusal("bad_signature")
    if not signature.is_fresh(timestamp, now()):
        raise Refusal("stale")
    return door
