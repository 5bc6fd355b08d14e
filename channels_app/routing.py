"""WebSocket routes, and which paths are webhooks."""

from typing import Any, Final

from django.urls import path

from channels_app.sockets.console import ConsoleConsumer
from channels_app.web_chat.consumer import ChatConsumer

websocket_urlpatterns: list[Any] = [
    path("ws/chat/", ChatConsumer.as_asgi()),
    path("ws/console/", ConsoleConsumer.as_asgi()),
]

WEBHOOKS: Final = ("/channels/whatsapp/", "/channels/whatsapp-cloud/", "/channels/slack/", "/channels/app/")


def is_webhook(path: str) -> bool:
    """Return True for paths that only providers call, with a signature and without a session."""
    return path.startswith(WEBHOOKS)
