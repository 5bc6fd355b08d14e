"""Guided set-up of a channel account: its steps, and which of them are done."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.urls import reverse
from django.utils.text import slugify

from channels_app.email.imap import reads
from channels_app.email.mailboxes import keys_of
from channels_app.kit.health import Health
from channels_app.meta_whatsapp import numbers
from channels_app.models import ColleagueAddress
from channels_app.own_app.transport import PURPOSE
from conversations.models import ChannelAccount
from core.webhooks.endpoints import find_endpoint


@dataclass(frozen=True, slots=True)
class Copy:
    """A value to paste elsewhere, and where."""

    where: str
    value: str

    @property
    def key(self) -> str:
        """Return the id of the value on the page."""
        return f"copy-{slugify(self.where)}"


@dataclass(frozen=True, slots=True)
class SetupStep:
    """One step: what to do, whether it is done, and what to copy."""

    title: str
    text: str
    is_done: bool
    copies: tuple[Copy, ...] = ()


def setup_steps(account: ChannelAccount, health: Health, *, may_change: bool) -> list[SetupStep]:
    """Return the steps of the account's provider in order; what proves a caller is for those who may change it."""
    steps = _STEPS.get(ChannelAccount.Provider(account.provider))
    return steps(account, health, may_change) if steps else []


def _twilio(account: ChannelAccount, health: Health, may_change: bool) -> list[SetupStep]:
    is_heard = health.last_received_at is not None
    return [
        SetupStep("Connect the number", "Account SID, auth token and number are saved.", is_done=True),
        SetupStep(
            "Paste the webhook address into Twilio",
            "In the Twilio console, open the WhatsApp sender or the phone number. Paste this address exactly as shown "
            "under “When a message comes in” and choose HTTP POST. Delivery reports need no set-up.",
            is_done=is_heard,
            copies=(Copy("Webhook address", f"{settings.PUBLIC_URL}{reverse('whatsapp_webhook')}"),),
        ),
        _write_to_it("number", "Twilio's log", is_heard=is_heard),
        _send_a_test("Use “Send test message” with your own phone.", account),
    ]


def _cloud(account: ChannelAccount, health: Health, may_change: bool) -> list[SetupStep]:
    is_heard = health.last_received_at is not None
    url = f"{settings.PUBLIC_URL}{reverse('cloud_webhook', args=[account.public_key])}"
    token = str((account.credentials or {}).get("verify_token") or "")
    return [
        SetupStep("Connect the number", "Access token, phone number ID and number are saved.", is_done=True),
        SetupStep(
            "Enter the app secret",
            "Copy it from App settings, Basic, in your app at developers.facebook.com into “Edit channel”.",
            is_done=bool(numbers.secrets_of(account.credentials)),
        ),
        SetupStep(
            "Paste the address and the verify token into Meta's console",
            "In your app, open WhatsApp, Configuration. Paste both, then choose “Verify and save”. The address also "
            "takes other numbers of the same app, once they're connected here.",
            is_done=is_heard,
            copies=(Copy("Callback URL", url), Copy("Verify token", token)) if may_change else (),
        ),
        SetupStep(
            "Subscribe to the field “messages”",
            "It is on the same page. Subscribe to “message_template_status_update” too, for news of templates, and to "
            "“user_preferences”, for people who stop marketing.",
            is_done=is_heard,
        ),
        _write_to_it("number", "your server's log", is_heard=is_heard),
        _send_a_test("Use “Send test message” with your own phone.", account),
    ]


def _sendgrid(account: ChannelAccount, health: Health, may_change: bool) -> list[SetupStep]:
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
        _send_a_test("Use “Send test mail” with your own address.", account, noun="mail"),
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


def _imap(account: ChannelAccount, health: Health, may_change: bool) -> list[SetupStep]:
    server = reads.server_of(account.credentials)
    return [
        SetupStep("Connect the mailbox", "Walker has signed in to it.", is_done=True),
        SetupStep(
            "Wait for the first reading",
            f"{server.host if server else 'The mailbox'} is read every minute, from the time you connected it.",
            is_done=health.last_read_at is not None,
        ),
        SetupStep(
            "Name the server that checks senders (optional)",
            "Under “Receive by IMAP”, enter it as “Checked by”. Without it no sender counts as proven.",
            is_done=bool((account.credentials or {}).get("imap_checked_by")),
        ),
        SetupStep(
            f"Write an email to {account.address}",
            "It appears under Conversations within a minute.",
            is_done=health.last_received_at is not None,
        ),
        _send_a_test(
            "Use “Send test mail” with your own address. Answers leave through your SendGrid account, or through the "
            "mail server of this installation.",
            account,
            noun="mail",
        ),
    ]


def _app(account: ChannelAccount, health: Health, may_change: bool) -> list[SetupStep]:
    endpoint = find_endpoint(purpose=PURPOSE, ref=account.pk)
    socket = f"{settings.PUBLIC_URL.replace('http', 'ws', 1)}/ws/chat/"
    return [
        SetupStep("Connect the app", "Its token secret was shown once.", is_done=True),
        SetupStep(
            "Post customers' messages here",
            "Your server posts them with an API key that has the scope channels_app.deliver_message, or your app posts "
            "them with a token. A token is a JWT, signed by your server with the token secret (HS256) for at most one "
            "hour: “sub” is your id of the customer, “aud” is the app's key, “iat” is now. “Check a sample” says "
            "what is wrong with one.",
            is_done=health.last_received_at is not None,
            copies=(
                Copy("Address", f"{settings.PUBLIC_URL}{reverse('app_messages', args=[account.public_key])}"),
                Copy("Key of the app (“aud”)", account.public_key),
            ),
        ),
        SetupStep(
            "Receive answers",
            "Under “Edit app”, enter the address on your server that takes webhooks, signed by Standard Webhooks. "
            "Or let your app chat live on the socket, with the token.",
            is_done=endpoint is not None,
            copies=(Copy("Socket", socket),),
        ),
        SetupStep(
            "Send a test webhook",
            "Use “Send test webhook”. The log below shows what your server answered.",
            is_done=endpoint is not None and endpoint.last_success_at is not None,
        ),
    ]


def _slack(account: ChannelAccount, health: Health, may_change: bool) -> list[SetupStep]:
    url = f"{settings.PUBLIC_URL}{reverse('slack_interactivity', args=[account.public_key])}"
    is_linked = ColleagueAddress.objects.filter(channel_account=account, proven_at__isnull=False).exists()
    return [
        SetupStep("Connect the workspace", "Bot token and signing secret are saved.", is_done=True),
        SetupStep(
            "Give the app its scope",
            "Under OAuth & Permissions it needs the bot scope chat:write. Invite the app to every channel it posts in.",
            is_done=account.tested_at is not None,
        ),
        SetupStep(
            "Paste the address into the Slack app",
            "In your Slack app, open Interactivity & Shortcuts, turn it on, and paste this under “Request URL”.",
            is_done=health.last_received_at is not None,
            copies=(Copy("Request URL", url),),
        ),
        _send_a_test("Use “Send test message to Slack” with a channel or your own member ID.", account),
        SetupStep(
            "Let approvers link their Slack user",
            "Each of them does it under My linked accounts. Who hasn't linked theirs can't decide in Slack.",
            is_done=is_linked,
        ),
    ]


def _write_to_it(noun: str, log: str, *, is_heard: bool) -> SetupStep:
    return SetupStep(
        f"Write to the {noun} from your phone",
        f"This page notices the first message by itself. If nothing comes, paste the request from {log} into “Check a "
        "sample”: it says what is wrong.",
        is_done=is_heard,
    )


def _send_a_test(text: str, account: ChannelAccount, *, noun: str = "message") -> SetupStep:
    return SetupStep(f"Send a test {noun}", text, is_done=account.tested_at is not None)


_Provider = ChannelAccount.Provider
_STEPS: Final[dict[str, Callable[[ChannelAccount, Health, bool], list[SetupStep]]]] = {
    _Provider.TWILIO: _twilio,
    _Provider.CLOUD: _cloud,
    _Provider.SENDGRID: _sendgrid,
    _Provider.IMAP: _imap,
    _Provider.APP: _app,
    _Provider.SLACK: _slack,
}
