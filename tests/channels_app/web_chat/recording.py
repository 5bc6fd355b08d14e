"""The recording of the web chat."""

from __future__ import annotations

from channels_app.kit import Without
from conversations import services
from conversations.types import InboundMessage, SenderIdentity
from core.tenancy.scope import tenant_scope
from tests.channels_app.conftest import make_widget
from tests.channels_app.kit.recorder import (
    Recorder,
    Recording,
)
from tests.world import OPERATOR, World


def web_chat(world: World) -> Recording:
    account = make_widget(world.acme.pk, "Acme chat")

    def write(number: int, text: str) -> object:
        sender = SenderIdentity(kind="webchat", value="the visitor")
        with tenant_scope(world.acme.pk):
            inbound = InboundMessage(account.pk, sender, text=text, external_id=f"m-{number}")
            return services.receive(actor=OPERATOR, inbound=inbound)

    return Recording(account, {}, write)


RECORDED = {
    ("webchat", "widget"): Recorder(web_chat, Without("It has no door for webhooks.")),
}
