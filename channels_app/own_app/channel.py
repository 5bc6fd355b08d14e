"""The channel of a company's own app."""

import json
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.urls import reverse

from channels_app import kit
from channels_app.kit import Door, Source, Verify, Without
from channels_app.kit.health import Health
from channels_app.kit.setup import Copy, SetupStep
from channels_app.models import InboundDelivery
from channels_app.own_app import inbound
from channels_app.own_app.diagnosis import AppDiagnosis
from channels_app.own_app.transport import PURPOSE, AppTransport, AppWebhooks
from channels_app.web_chat.settings import widgets
from channels_app.webhooks.deliveries import stored_as
from conversations import services
from conversations.models import ChannelAccount
from core.clock import now
from core.errors import Invalid
from core.webhooks.endpoints import find_endpoint
from core.webhooks.purposes import PURPOSES


def secrets_of(credentials: dict[str, Any] | None) -> list[str]:
    """Return the secrets that may sign a customer's token now."""
    return widgets.token_secrets(credentials, now())


def receive_delivery(delivery: InboundDelivery) -> None:
    """Process one message in its tenant's scope; safe to repeat. An unknown type is shown, and no agent answers it."""
    try:
        fields: dict[str, Any] = json.loads(delivery.body.encode("latin-1"))
    except (ValueError, RecursionError):
        raise Invalid("This message isn't JSON.", code="not_json") from None
    # The id of the delivery's event is unique per customer, so a repeat is recognised here too.
    said = inbound.message_of(fields, account_id=delivery.channel_account_id, event_key=delivery.event_key)
    services.receive(actor=inbound.ACTOR, inbound=replace(said, **stored_as(delivery)))


class OwnApp(kit.Channel):
    """Messages that a company's own server or app posts, and answers by signed webhook or socket."""

    kind = ChannelAccount.Kind.APP
    provider = ChannelAccount.Provider.APP
    kind_label = "Own app"
    provider_label = "Your own app"
    transport = AppTransport
    # No alarm: an app has its secret from the start.
    verify = Verify(proof=AppDiagnosis.proof, secrets=secrets_of)
    connect = Without("Its secrets are made here and shown once: there is nothing of a vendor to enter or try out.")
    diagnosis = AppDiagnosis
    doors = (
        Door("channels/app/<str:key>/messages/", inbound.messages, "app_messages"),
        Door("channels/app/<str:key>/files/<uuid:attachment_id>/", inbound.file, "app_file"),
    )
    sources = (Source(inbound.PROVIDER, receive_delivery),)
    codes = Without("An event waits for the company's own server, whose answers are those of any webhook of ours.")
    page = "channels_app.own_app.admin.AppPage"

    @classmethod
    def setup(cls, account: ChannelAccount, health: Health, *, may_change: bool) -> list[SetupStep]:  # noqa: ARG003
        endpoint = find_endpoint(purpose=PURPOSE, ref=account.pk)
        socket = f"{settings.PUBLIC_URL.replace('http', 'ws', 1)}/ws/chat/"
        return [
            SetupStep("Connect the app", "Its token secret was shown once.", is_done=True),
            SetupStep(
                "Post customers' messages here",
                "Your server posts them with an API key that has the scope channels_app.deliver_message, or your app "
                "posts them with a token. A token is a JWT, signed by your server with the token secret (HS256) for "
                "at most one hour: “sub” is your id of the customer, “aud” is the app's key, “iat” is now. “Check a "
                "sample” says what is wrong with one.",
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


kit.register(OwnApp)
PURPOSES.register(PURPOSE, AppWebhooks)
