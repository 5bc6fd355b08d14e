"""The guided set-up of a number at Meta."""

from django.conf import settings
from django.urls import reverse

from channels_app.kit.health import Health
from channels_app.kit.setup import Copy, SetupStep, send_a_test, write_to_it
from channels_app.meta_whatsapp import numbers
from conversations.models import ChannelAccount


def steps(account: ChannelAccount, health: Health, *, may_change: bool) -> list[SetupStep]:
    """Return the steps in order; what proves a caller is for those who may change it."""
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
        write_to_it("number", "your server's log", is_heard=is_heard),
        send_a_test("Use “Send test message” with your own phone.", account),
    ]
