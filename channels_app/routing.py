"""WebSocket routes."""

from typing import Any

from django.urls import path

from channels_app.console_socket import ConsoleConsumer
from channels_app.webchat.consumer import ChatConsumer

websocket_urlpatterns: list[Any] = [
    path("ws/chat/", ChatConsumer.as_asgi()),
    path("ws/console/", ConsoleConsumer.as_asgi()),
]
