"""The door as the web process serves it: without the pages' middleware, on threads of its own."""

import asyncio
import time
from typing import Any
from urllib.parse import urlencode

import pytest
from asgiref.sync import async_to_sync
from django.urls import resolve

from channels_app.twilio import inbound
from channels_app.webhooks.server import WORKERS, is_webhook
from core.observability import metrics
from tests.channels_app.twilio.conftest import WEBHOOK, Door, fields, sign
from tests.conftest import end_other_sessions


def call(path: str, body: bytes, **headers: str) -> tuple[int, dict[bytes, bytes], bytes]:
    """Make one request of the ASGI application."""
    from config.asgi import application

    sent: list[dict[str, Any]] = []
    named = [(name.lower().replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "path": path,
        "query_string": b"", "headers": [*named, (b"content-length", str(len(body)).encode())],
        "root_path": "", "scheme": "http", "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 9),
    }  # fmt: skip

    told = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> dict[str, Any]:
        for message in told:
            return message
        await asyncio.Event().wait()  # the caller stays until it has its answer
        raise AssertionError

    async def send(message: Any) -> None:
        sent.append(message)

    async_to_sync(application)(scope, receive, send)
    return sent[0]["status"], dict(sent[0]["headers"]), b"".join(one.get("body", b"") for one in sent[1:])


def signed(number: int = 1) -> dict[str, str]:
    return {
        "x_twilio_signature": sign(WEBHOOK, fields(number=number)),
        "content_type": "application/x-www-form-urlencoded",
    }


def body(number: int = 1) -> bytes:
    return urlencode(fields(number=number)).encode()


@pytest.mark.slow
def test_only_paths_of_providers_go_the_plain_way() -> None:
    assert is_webhook(WEBHOOK)
    assert not any(is_webhook(path) for path in ("/", "/admin/channels/whatsapp/", "/channels/", "/api/v1/"))


@pytest.mark.slow
def test_signed_message_is_stored_and_answered(open_door: Door) -> None:
    status, headers, answer = call(WEBHOOK, body(), **signed())
    assert (status, headers[b"Content-Type"], answer) == (200, b"text/xml", inbound.NOTHING_TO_SAY)
    assert len(open_door.rows()) == 1


@pytest.mark.slow
def test_wrong_signature_is_refused(open_door: Door) -> None:
    assert call(WEBHOOK, body(), **{**signed(), "x_twilio_signature": "bm8="})[0] == 403
    assert open_door.rows() == []


@pytest.mark.slow
def test_unknown_address_is_absent(open_door: Door) -> None:
    assert call("/channels/whatsapp/elsewhere/", b"")[0] == 404


def test_kept_connection_that_died_is_replaced_unnoticed(open_door: Door) -> None:
    assert call(WEBHOOK, body(1), **signed(1))[0] == 200
    end_other_sessions()
    assert {call(WEBHOOK, body(number), **signed(number))[0] for number in range(2, 12)} == {200}
    assert len(open_door.rows()) == 11


@pytest.mark.slow
def test_time_that_a_webhook_waits_for_a_thread_is_counted(open_door: Door) -> None:
    from config.asgi import webhooks

    door = resolve(WEBHOOK).view_name
    spent = metrics.REQUEST_SECONDS.labels(door)._sum
    before = spent.get()
    for _ in range(WORKERS):
        webhooks._threads.submit(time.sleep, 0.3)
    assert call(WEBHOOK, body(), **signed())[0] == 200
    assert spent.get() - before >= 0.3


@pytest.fixture(autouse=True)
def _kept_connections_end(db: None) -> Any:
    yield
    from config.asgi import webhooks

    webhooks.close()
