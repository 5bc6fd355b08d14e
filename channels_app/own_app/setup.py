"""The guided set-up of a company's own app."""

from django.conf import settings
from django.urls import reverse

from channels_app.kit.health import Health
from channels_app.kit.setup import Copy, SetupStep
from channels_app.own_app.transport import PURPOSE
from conversations.models import ChannelAccount
from core.webhooks.endpoints import find_endpoint


def steps(account: ChannelAccount, health: Health) -> list[SetupStep]:
    """Return the steps in order."""
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
