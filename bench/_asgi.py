"""The product's ASGI application with three paths more: bare sockets that do one INSERT for each frame."""

import json
from typing import Any

from celery import current_app
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.sessions import SessionMiddlewareStack

from bench._environment import BARE_PATH, BARE_TABLE, KEPT_PATH, TASK_PATH, TASK_QUEUE
from config.asgi import http

from channels_app.sockets.routes import websocket_urlpatterns  # isort: skip  (needs the apps, which config.asgi loads)
from channels_app.sockets.thread_pool import unscoped  # isort: skip
from django.db import connection  # isort: skip
from django.urls import path  # isort: skip


class BareConsumer(AsyncWebsocketConsumer):
    """The least that a chat with stored messages can do: read a frame, insert a row, answer."""

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Store the frame and echo its id."""
        frame = json.loads(text_data or "{}")
        await self.store(frame)
        await self.send(text_data=json.dumps({"type": "message_received", "id": frame["id"]}))

    async def store(self, frame: dict[str, Any]) -> None:
        """Insert the way Channels teaches: a connection from the pool for each call."""
        await database_sync_to_async(insert)(frame["id"], frame["message"])


class KeptConsumer(BareConsumer):
    """The same on the product's own threads, whose connections are kept: a harder measure."""

    async def store(self, frame: dict[str, Any]) -> None:
        """Insert without fetching a connection."""
        await unscoped(insert, frame["id"], frame["message"])


class TaskConsumer(BareConsumer):
    """The same with one task for each frame, which reads the row and inserts another."""

    async def store(self, frame: dict[str, Any]) -> None:
        """Insert and queue the task."""
        await unscoped(insert_and_queue, frame["id"], frame["message"])


def insert_and_queue(key: str, body: str) -> None:
    """Insert one row and queue the task about it."""
    insert(key, body)
    current_app.send_task("bench.answer", [key], queue=TASK_QUEUE)


def insert(key: str, body: str) -> None:
    """Insert one row; it is committed when this returns."""
    with connection.cursor() as cursor:
        cursor.execute(f"insert into {BARE_TABLE} (id, body) values (%s, %s)", [key, body])  # noqa: S608  (a constant)


_routes: list[Any] = [
    path(BARE_PATH, BareConsumer.as_asgi()),
    path(KEPT_PATH, KeptConsumer.as_asgi()),
    path(TASK_PATH, TaskConsumer.as_asgi()),
    *websocket_urlpatterns,
]
application = ProtocolTypeRouter({"http": http, "websocket": SessionMiddlewareStack(URLRouter(_routes))})
