"""Serve webhooks without middleware, on threads that keep their database connection."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.exception import convert_exception_to_response
from django.db import connection
from django.http import HttpRequest, HttpResponseBase
from django.urls import set_script_prefix

from channels_app.kit.channel import plain_paths
from channels_app.sockets.thread_pool import close_all
from core.observability.requests import note_answer

WORKERS: Final = 6


class PlainHandler(ASGIHandler):
    """Django without middleware: a signed webhook has no session, cookie or page.

    Each request is one call on one of a few threads. They keep their database connections, so a
    webhook neither opens nor checks one; the view handles a dead connection.
    """

    def __init__(self) -> None:
        super().__init__()
        self._threads = ThreadPoolExecutor(WORKERS, thread_name_prefix="webhook")

    def load_middleware(self, is_async: bool = False) -> None:
        """Set up an empty middleware chain for calls on a thread."""
        self._view_middleware: list[Any] = []
        self._template_response_middleware: list[Any] = []
        self._exception_middleware: list[Any] = []
        handler: Any = self
        self._middleware_chain: Any = convert_exception_to_response(handler._get_response)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Read the request, answer it and release its body."""
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        request, problem = self.create_request(scope, body)
        answer: Any = problem
        if request is not None:
            began = time.monotonic()  # it may wait for a thread
            answer = await sync_to_async(self._respond, thread_sensitive=False, executor=self._threads)(request)
            note_answer(request, answer, began)
        answer.headers["Content-Length"] = str(len(answer.content))
        await self.send_response(answer, send)
        body.close()

    def _respond(self, request: HttpRequest) -> HttpResponseBase:
        set_script_prefix("/")
        try:
            return self.get_response(request)
        finally:
            if connection.errors_occurred:
                connection.close()

    def close(self) -> None:
        """Replace the threads and close their connections; for tests and shutdown."""
        waiting, self._threads = self._threads, ThreadPoolExecutor(WORKERS, thread_name_prefix="webhook")
        close_all(waiting, WORKERS)


def is_webhook(path: str) -> bool:
    """Return True for paths that only providers call, with a signature and without a session."""
    return path.startswith(plain_paths())
