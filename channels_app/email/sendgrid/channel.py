"""The channel of emails by SendGrid."""

import json
from typing import Any

from django.conf import settings
from django.db import DataError
from django.urls import reverse

from channels_app import kit
from channels_app.email import mailboxes
from channels_app.email.channel import MAILS, EmailChannel
from channels_app.email.diagnosis import SendGridDiagnosis
from channels_app.email.mailboxes import keys_of
from channels_app.email.sendgrid import inbound
from channels_app.email.sendgrid.normalise import parse_event
from channels_app.kit import Alarm, Door, Source, Verify
from channels_app.kit.health import Health
from channels_app.kit.setup import Copy, SetupStep, send_a_test
from channels_app.models import InboundDelivery
from channels_app.webhooks.intake import WINDOW
from conversations.models import ChannelAccount
from core.errors import Invalid
from core.observability.logging import get_logger
from core.observability.metrics import counter
from integrations.mail.services import record_report

log = get_logger(__name__)
EVENTS = counter("walker_mail_events_total", "Events of mail providers, by outcome.", ["outcome"])


def receive_delivery(delivery: InboundDelivery) -> None:
    """Process one batch in its tenant's scope; safe to repeat, in any order."""
    try:
        found = json.loads(delivery.body.encode("latin-1"))
    except (ValueError, RecursionError):
        raise Invalid("This batch isn't JSON.", code="not_json") from None
    for event in found if isinstance(found, list) else [found]:
        EVENTS.labels(_apply_event(event, delivery)).inc()


def _apply_event(event: Any, delivery: InboundDelivery) -> str:
    """Process one event and return the outcome. A bad one is refused without the rest of its batch."""
    try:
        report = parse_event(event, delivery.received_at)
        if report is None:
            return "ignored"
        return "applied" if record_report(event=report) else "unknown_mail"
    except (ValueError, DataError) as problem:
        # The fault is in this event: it would fail every time, and its batch with it.
        log.warning("mail_event_refused", delivery=str(delivery.pk), error=type(problem).__name__)
        return "refused"


class SendGridEmail(EmailChannel):
    """Emails that SendGrid takes, reports about and hands over."""

    provider = mailboxes.PROVIDER
    provider_label = "SendGrid"
    verify = Verify(
        proof=SendGridDiagnosis.proof,
        secrets=mailboxes.keys_of,
        # SendGrid documents none. A batch that is posted again is signed again.
        window=WINDOW,
        alarm=Alarm(
            "channels_app.W002",
            "The mail account {} has no verification key: its delivery reports are refused.",
            "Enter the verification key of the signed Event Webhook under Channels in the console.",
        ),
    )
    diagnosis = SendGridDiagnosis
    doors = (
        Door("channels/email/<str:key>/events/", inbound.events, "email_events"),
        Door("channels/email/<str:secret>/inbound/", inbound.inbound, "email_inbound"),
    )
    # Reports are about many people at once, and about emails of all kinds: a pause doesn't hold them.
    sources = (Source(inbound.PROVIDER, receive_delivery, is_held=False, is_shared=True), MAILS)

    @classmethod
    def setup(cls, account: ChannelAccount, health: Health, *, may_change: bool) -> list[SetupStep]:  # noqa: ARG003
        """Return the steps of an account's guided set-up."""
        has_key = bool(keys_of(account.credentials))
        kept = account.credentials or {}
        # An email that came in is no report.
        reports = InboundDelivery.objects.filter(channel_account=account.pk, provider=inbound.PROVIDER)
        return [
            SetupStep(
                "Connect the account",
                "API key and sender are saved. The key needs Mail Send access only.",
                is_done=True,
            ),
            SetupStep(
                "Paste the webhook address into SendGrid",
                "In SendGrid, open Settings, Mail Settings, Event Webhook. Paste this address, choose all events and "
                "turn on “Signature Verification”.",
                is_done=has_key,
                copies=(
                    Copy(
                        "Webhook address", f"{settings.PUBLIC_URL}{reverse('email_events', args=[account.public_key])}"
                    ),
                ),
            ),
            SetupStep(
                "Copy the verification key",
                "Copy it from SendGrid into “Edit mail account”. Until then, events from SendGrid are refused with "
                "status 503.",
                is_done=has_key,
            ),
            send_a_test("Use “Send test mail” with your own address.", account, noun="mail"),
            SetupStep(
                "Wait for the first report",
                "SendGrid reports the test mail within a minute. If it doesn't, paste the request into “Check a "
                "sample”.",
                is_done=reports.exists(),
            ),
            SetupStep(
                "Receive emails (optional)",
                "Choose “Receive by SendGrid” or “Receive by IMAP” to turn emails into conversations.",
                is_done=bool(kept.get("inbound_secret") or kept.get("imap_host")),
            ),
        ]


kit.register(SendGridEmail)
