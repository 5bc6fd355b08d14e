"""The product's ASGI application with one path more: a bare socket that does one INSERT for each frame."""

import json
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.sessions import SessionMiddlewareStack

from bench._surroundings import BARE_PATH, BARE_TABLE
from config.asgi import http

from channels_app.routing import websocket_urlpatterns  # isort: skip  (needs the apps, which config.asgi loads)
from channels_app.threads import unscoped  # isort: skip
from django.db import connection  # isort: skip
from django.urls import path  # isort: skip


class BareConsumer(AsyncWebsocketConsumer):
    """The least that a chat with stored messages can do: read a frame, insert a row, answer."""

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Store the frame in the threads and connections that the product's sockets use, then echo its id."""
        frame = json.loads(text_data or "{}")
        await unscoped(insert, frame["id"], frame["message"])
        await self.send(text_data=json.dumps({"type": "message_received", "id": frame["id"]}))


def insert(key: str, body: str) -> None:
    """Insert one row; it is committed when this returns."""
    with connection.cursor() as cursor:
        cursor.execute(f"insert into {BARE_TABLE} (id, body) values (%s, %s)", [key, body])  # noqa: S608  (a constant)


_routes: list[Any] = [path(BARE_PATH, BareConsumer.as_asgi()), *websocket_urlpatterns]
application = ProtocolTypeRouter({"http": http, "websocket": SessionMiddlewareStack(URLRouter(_routes))})
