"""The ASGI application: HTTP by Django, WebSockets by the consumers of channels_app."""

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from channels.sessions import SessionMiddlewareStack
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("WALKER_PROCESS", "web")

http = get_asgi_application()

from channels_app.routing import websocket_urlpatterns  # noqa: E402  (needs the apps)

application = ProtocolTypeRouter({"http": http, "websocket": SessionMiddlewareStack(URLRouter(websocket_urlpatterns))})
