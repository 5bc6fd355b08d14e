"""The channel of a company's own app."""

from typing import Any

from channels_app import kit
from channels_app.kit import Door, Source, Verify, Without
from channels_app.kit.health import Health
from channels_app.kit.setup import SetupStep
from channels_app.own_app import handler, inbound, setup
from channels_app.own_app.diagnosis import AppDiagnosis
from channels_app.own_app.transport import PURPOSE, AppTransport, AppWebhooks
from channels_app.web_chat.settings import widgets
from conversations.models import ChannelAccount
from core.clock import now
from core.webhooks.purposes import PURPOSES


def secrets_of(credentials: dict[str, Any] | None) -> list[str]:
    """Return the secrets that may sign a customer's token now."""
    return widgets.token_secrets(credentials, now())


class OwnApp(kit.Channel):
    """Messages that a company's own server or app posts, and answers by signed webhook or socket."""

    kind = ChannelAccount.Kind.APP
    provider = ChannelAccount.Provider.APP
    label = "Own app"
    transport = AppTransport
    # No alarm: an app has its secret from the start.
    verify = Verify(proof=AppDiagnosis.proof, secrets=secrets_of)
    connect = Without("Its secrets are made here and shown once: there is nothing of a vendor to enter or try out.")
    diagnosis = AppDiagnosis
    doors = (Door("channels/app/<str:key>/messages/", inbound.messages, "app_messages"),)
    sources = (Source(inbound.PROVIDER, handler.receive_delivery),)
    plain = ("/channels/app/",)

    @classmethod
    def setup(cls, account: ChannelAccount, health: Health, *, may_change: bool) -> list[SetupStep]:  # noqa: ARG003
        """Return the steps of an app's guided set-up."""
        return setup.steps(account, health)


kit.register(OwnApp)
PURPOSES.register(PURPOSE, AppWebhooks)
