"""Django's ASGI handler, which counts each request by the name of its route."""

import time
from typing import Final

from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest, HttpResponseBase

from core.observability import metrics

STATIC: Final = "static"
NO_ROUTE: Final = "none"


class CountingHandler(ASGIHandler):
    """Counts what all middleware and the view made of a request."""

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        began = time.monotonic()
        answer = await super().get_response_async(request)
        note_answer(request, answer, began)
        return answer


def note_answer(request: HttpRequest, answer: HttpResponseBase, began: float) -> None:
    """Count a request that was answered; its path is never looked at but for static files, which have no route."""
    match = request.resolver_match
    is_file = request.path_info.startswith(settings.STATIC_URL)
    route = match.view_name if match else STATIC if is_file and answer.status_code < 400 else NO_ROUTE
    metrics.note_request(route, request.method, answer.status_code, began)
