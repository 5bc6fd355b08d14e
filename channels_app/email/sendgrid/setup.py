"""The guided set-up of an account at SendGrid."""

from django.conf import settings
from django.urls import reverse

from channels_app.email.mailboxes import keys_of
from channels_app.kit.health import Health
from channels_app.kit.setup import Copy, SetupStep, send_a_test
from conversations.models import ChannelAccount


def steps(account: ChannelAccount, health: Health) -> list[SetupStep]:
    """Return the steps in order."""
    has_key = bool(keys_of(account.credentials))
    kept = account.credentials or {}
    return [
        SetupStep(
            "Connect the account",
            "API key and sender are saved. The key needs Mail Send access only.",
            is_done=True,
        ),
        SetupStep(
            "Paste the webhook address into SendGrid",
            "In SendGrid, open Settings, Mail Settings, Event Webhook. Paste this address, choose all events and turn "
            "on “Signature Verification”.",
            is_done=has_key,
            copies=(
                Copy("Webhook address", f"{settings.PUBLIC_URL}{reverse('email_events', args=[account.public_key])}"),
            ),
        ),
        SetupStep(
            "Copy the verification key",
            "Copy it from SendGrid into “Edit mail account”. Until then, events from SendGrid are refused with status "
            "503.",
            is_done=has_key,
        ),
        send_a_test("Use “Send test mail” with your own address.", account, noun="mail"),
        SetupStep(
            "Wait for the first report",
            "SendGrid reports the test mail within a minute. If it doesn't, paste the request into “Check a sample”.",
            is_done=health.last_received_at is not None,
        ),
        SetupStep(
            "Receive emails (optional)",
            "Choose “Receive by SendGrid” or “Receive by IMAP” to turn emails into conversations.",
            is_done=bool(kept.get("inbound_secret") or kept.get("imap_host")),
        ),
    ]
