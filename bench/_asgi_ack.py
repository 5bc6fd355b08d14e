"""The product's ASGI application with one path more: the least that a webhook's view can do."""

import base64
import hashlib
import hmac
from typing import Any
from uuid import uuid4

import psycopg

from bench._environment import ACK_PATH, ACK_SECRET, ACK_TABLE
from config.asgi import application as product
from standins.meta.webhooks import sign as post_signature
from standins.slack.webhooks import signature as press_signature

from django.conf import settings  # isort: skip  (needs the apps, which config.asgi loads)
from django.core.handlers.asgi import ASGIHandler  # isort: skip
from django.core.handlers.exception import convert_exception_to_response  # isort: skip
from django.db import connection  # isort: skip
from django.http import HttpRequest, HttpResponse  # isort: skip
from django.urls import path  # isort: skip

EMPTY = b'<?xml version="1.0" encoding="UTF-8"?><Response/>'
INSERT = f"insert into {ACK_TABLE} (id, body) values (%s, %s)".encode()  # noqa: S608  (a constant)


class BareHandler(ASGIHandler):
    """Django without any middleware, and with one path."""

    def load_middleware(self, is_async: bool = False) -> None:
        """Load what an empty list of middleware loads."""
        self._view_middleware: list[Any] = []
        self._template_response_middleware: list[Any] = []
        self._exception_middleware: list[Any] = []
        handler: Any = self
        self._middleware_chain: Any = convert_exception_to_response(handler._get_response_async)

    def create_request(self, scope: Any, body_file: Any) -> Any:
        """Route by the one path."""
        request, problem = super().create_request(scope, body_file)
        if request is not None:
            request.urlconf = __name__
        return request, problem


def bare(request: HttpRequest) -> HttpResponse:
    """Check the signature, insert one row through no wall, answer."""
    body = request.body
    given = request.headers.get("X-Hub-Signature-256")
    if given is not None:
        return keep(body) if hmac.compare_digest(post_signature(ACK_SECRET.decode(), body), given) else refusal()
    given = request.headers.get("X-Slack-Signature")
    if given is not None:
        made = press_signature(ACK_SECRET.decode(), request.headers["X-Slack-Request-Timestamp"], body.decode())
        return keep(body) if hmac.compare_digest(made, given) else refusal()
    form = request.POST
    text = f"{settings.PUBLIC_URL}/{ACK_PATH}" + "".join(f"{name}{form[name]}" for name in sorted(form))
    made = base64.b64encode(hmac.new(ACK_SECRET, text.encode(), hashlib.sha1).digest()).decode()
    if not hmac.compare_digest(made, request.headers.get("X-Twilio-Signature", "")):
        return refusal()
    return keep(body)


def refusal() -> HttpResponse:
    """Refuse a wrong signature."""
    return HttpResponse(status=403)


def keep(body: bytes) -> HttpResponse:
    """Insert one row through no wall and answer."""
    connection.ensure_connection()
    with psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(INSERT, [uuid4(), body])
    return HttpResponse(EMPTY, content_type="text/xml")


urlpatterns = [path(ACK_PATH, bare)]
_bare = BareHandler()


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Serve the bare path, and all others as the product does."""
    is_bare = scope["type"] == "http" and scope["path"] == f"/{ACK_PATH}"
    await (_bare if is_bare else product)(scope, receive, send)
