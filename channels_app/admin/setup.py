"""Guided set-up of a channel account: its steps, and which of them are done."""

from dataclasses import dataclass

from django.conf import settings
from django.urls import reverse

from channels_app.email.mailboxes import keys_of
from channels_app.health import Health
from conversations.models import ChannelAccount


@dataclass(frozen=True, slots=True)
class SetupStep:
    """One step: what to do, whether it is done, and an address to copy ("" for none)."""

    title: str
    text: str
    is_done: bool
    address: str = ""


def setup_steps(account: ChannelAccount, health: Health) -> list[SetupStep]:
    """Return the steps of the account's provider in order; none for the others."""
    if account.provider == ChannelAccount.Provider.TWILIO:
        return _twilio(account, health)
    return _sendgrid(account, health) if account.provider == ChannelAccount.Provider.SENDGRID else []


def _twilio(account: ChannelAccount, health: Health) -> list[SetupStep]:
    is_heard = health.last_received_at is not None
    return [
        SetupStep("Connect the number", "Account SID, auth token and number are saved.", is_done=True),
        SetupStep(
            "Paste the webhook address into Twilio",
            "In the Twilio console, open the WhatsApp sender or the phone number. Paste this address exactly as shown "
            "under “When a message comes in” and choose HTTP POST. Delivery reports need no set-up.",
            is_done=is_heard,
            address=f"{settings.PUBLIC_URL}{reverse('whatsapp_webhook')}",
        ),
        SetupStep(
            "Write to the number from your phone",
            "This page notices the first message by itself. If nothing comes, paste the request from Twilio's log into "
            "“Check a webhook sample”: it says what is wrong.",
            is_done=is_heard,
        ),
        SetupStep(
            "Send a test message",
            "Use “Send test message” with your own phone.",
            is_done=account.tested_at is not None,
        ),
    ]


def _sendgrid(account: ChannelAccount, health: Health) -> list[SetupStep]:
    has_key = bool(keys_of(account.credentials))
    is_heard = health.last_received_at is not None
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
            address=f"{settings.PUBLIC_URL}{reverse('email_events', args=[account.public_key])}",
        ),
        SetupStep(
            "Copy the verification key",
            "Copy it from SendGrid into “Edit mail account”. Until then, events from SendGrid are refused with 503.",
            is_done=has_key,
        ),
        SetupStep(
            "Send a test mail", "Use “Send test mail” with your own address.", is_done=account.tested_at is not None
        ),
        SetupStep(
            "Wait for the first report",
            "SendGrid reports the test mail within a minute. If it doesn't, paste the request into “Check a webhook "
            "sample”.",
            is_done=is_heard,
        ),
    ]
