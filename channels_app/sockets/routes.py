"""WebSocket routes."""

from typing import Any

from django.urls import path

from channels_app.sockets.console import ConsoleConsumer
from channels_app.web_chat.consumer import ChatConsumer

websocket_urlpatterns: list[Any] = [
    path("ws/chat/", ChatConsumer.as_asgi()),
    path("ws/console/", ConsoleConsumer.as_asgi()),
]
