"""SendGrid's Inbound Parse: check the secret, store the email by one INSERT and answer; a worker does the rest."""

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from channels_app.email import arrivals, mailboxes
from channels_app.email.sendgrid import forms
from channels_app.webhooks import wake_worker
from channels_app.webhooks.intake import Refusal, note_refused, take


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
    raw = forms.email_of(_body(request), request.META.get("CONTENT_TYPE", ""))
    arrivals.keep(inbox, raw, door=mailboxes.PARSE)
    wake_worker.stored.give()


def _body(request: HttpRequest) -> bytes:
    """Return the body. Raises `Refusal` when it is too large; forms of others end much earlier."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdigit() or int(length) > settings.MAIL_BYTES:
        raise Refusal("too_large", 413)
    try:
        body = request.read(settings.MAIL_BYTES + 1)
    except (OSError, SuspiciousOperation) as problem:
        raise Refusal("too_large", 413) from problem
    if len(body) > settings.MAIL_BYTES:
        raise Refusal("too_large", 413)
    return body
