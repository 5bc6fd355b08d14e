"""The guided set-up of a number at Twilio."""

from django.conf import settings
from django.urls import reverse

from channels_app.kit.health import Health
from channels_app.kit.setup import Copy, SetupStep, send_a_test, write_to_it
from conversations.models import ChannelAccount


def steps(account: ChannelAccount, health: Health) -> list[SetupStep]:
    """Return the steps in order."""
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
        write_to_it("number", "Twilio's log", is_heard=is_heard),
        send_a_test("Use “Send test message” with your own phone.", account),
    ]
