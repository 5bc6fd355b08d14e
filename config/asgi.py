"""The ASGI application.

HTTP goes to Django, webhooks have a path of their own, WebSockets go to the consumers of channels_app.
"""

import os
from typing import Any

from channels.routing import ProtocolTypeRouter, URLRouter
from channels.sessions import SessionMiddlewareStack
from django import setup

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("WALKER_PROCESS", "web")

setup(set_prefix=False)

from channels_app.sockets.routes import websocket_urlpatterns  # noqa: E402  (needs the apps)
from channels_app.webhooks.server import PlainHandler, is_webhook  # noqa: E402
from core.observability.exposition import serve_own  # noqa: E402
from core.observability.garbage_collector import freeze_loaded_objects  # noqa: E402
from core.observability.requests import CountingHandler  # noqa: E402

pages = CountingHandler()
webhooks = PlainHandler()


async def http(scope: Any, receive: Any, send: Any) -> None:
    """Serve one request."""
    await (webhooks if is_webhook(scope["path"]) else pages)(scope, receive, send)


application = ProtocolTypeRouter({"http": http, "websocket": SessionMiddlewareStack(URLRouter(websocket_urlpatterns))})

freeze_loaded_objects()
serve_own()
