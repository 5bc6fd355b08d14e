"""SendGrid's Inbound Parse: check the secret, store the email by one INSERT and answer; a worker does the rest."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from channels_app.email import arrivals, mailboxes
from channels_app.email.sendgrid import forms
from channels_app.webhooks import wake_worker
from channels_app.webhooks.intake import Refusal, body_of, note_refused, take


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
