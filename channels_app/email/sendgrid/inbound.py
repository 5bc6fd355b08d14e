"""SendGrid's event webhook and Inbound Parse: verify, store by one INSERT and answer; a worker does the rest."""

import hashlib
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from channels_app.email import arrivals, mailboxes
from channels_app.email.sendgrid import forms, signature
from channels_app.webhooks import deliveries, wake_worker
from channels_app.webhooks.intake import Refusal, body_of, is_fresh, note_refused, signed_body, take
from core.clock import now
from core.observability.logging import get_logger

log = get_logger(__name__)

PROVIDER: Final = "sendgrid"
# SendGrid posts up to 768 kB at a time.
BODY_LIMIT: Final = 2 * 1024 * 1024


@csrf_exempt  # carries no cookie and trusts none: the signature is the proof
@require_POST
def events(request: HttpRequest, key: str) -> HttpResponse:
    """`POST /channels/email/<key>/events/`: delivery reports, many events at a time."""
    return take(PROVIDER, lambda: _store_batch(request, key)) or HttpResponse(status=200)


def _store_batch(request: HttpRequest, key: str) -> None:
    body = signed_body(request, header=signature.SIGNATURE_HEADER, limit=BODY_LIMIT)
    mailbox = _find_verified_mailbox(request, body, key)
    digest = hashlib.sha256(body).hexdigest()
    # The digest is a queue of its own: batches may overtake each other, because mails only move forward.
    deliveries.store(deliveries.Arrival(
        provider=PROVIDER, tenant_id=mailbox.tenant_id, account_id=mailbox.account_id, event_key=f"batch:{digest}",
        queue_key=digest, body=body,
    ))  # fmt: skip
    wake_worker.stored.give()


def _find_verified_mailbox(request: HttpRequest, body: bytes, key: str) -> mailboxes.Mailbox:
    """Return the mail account whose key verifies the raw bytes. Raises `Refusal`."""
    mailbox = mailboxes.find_mailbox(key)
    if mailbox is None:
        raise Refusal("unknown_account")
    if not mailbox.keys:
        log.warning("channel_without_secret", account=str(mailbox.account_id))
        raise Refusal("no_secret", 503)
    timestamp = request.headers.get(signature.TIMESTAMP_HEADER, "").strip()
    given = request.headers.get(signature.SIGNATURE_HEADER, "").strip()
    if not signature.is_signed(body=body, timestamp=timestamp, signature=given, keys=mailbox.keys):
        note_refused([(mailbox.tenant_id, mailbox.account_id)])
        raise Refusal("bad_signature")
    if not is_fresh(timestamp, now()):
        raise Refusal("stale")
    return mailbox


@csrf_exempt  # carries no cookie and trusts none: the secret in the address is the proof
@require_POST
def inbound(request: HttpRequest, secret: str) -> HttpResponse:
    """`POST /channels/email/<secret>/inbound/`: one email, raw or parsed."""
    return take(arrivals.PROVIDER, lambda: _store_mail(request, secret)) or HttpResponse(status=200)


def _store_mail(request: HttpRequest, secret: str) -> None:
    inbox, meant = mailboxes.find_inbox(secret)
    if inbox is None:
        note_refused(meant)
        raise Refusal("bad_secret")
    raw = forms.email_of(body_of(request, limit=settings.MAIL_BYTES), request.META.get("CONTENT_TYPE", ""))
    arrivals.keep(inbox, raw, door=mailboxes.PARSE)
    wake_worker.stored.give()
