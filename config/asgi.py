"""The ASGI application.

HTTP goes to Django, webhooks have a path of their own, WebSockets go to the consumers of channels_app.
"""

import os
from typing import Any

from channels.routing import ProtocolTypeRouter, URLRouter
from channels.sessions import SessionMiddlewareStack
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("WALKER_PROCESS", "web")

pages = get_asgi_application()

from channels_app.sockets.routes import websocket_urlpatterns  # noqa: E402  (needs the apps)
from channels_app.webhooks.server import PlainHandler, is_webhook  # noqa: E402
from core.observability.garbage_collector import freeze_loaded_objects  # noqa: E402

webhooks = PlainHandler()


async def http(scope: Any, receive: Any, send: Any) -> None:
    """Serve one request."""
    await (webhooks if is_webhook(scope["path"]) else pages)(scope, receive, send)


application = ProtocolTypeRouter({"http": http, "websocket": SessionMiddlewareStack(URLRouter(websocket_urlpatterns))})

freeze_loaded_objects()
