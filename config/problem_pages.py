"""Pages of errors that ask for no file, and the answer while the database is away or too slow."""

import base64
import hashlib
import re
from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.views.defaults import server_error as plain_server_error

from core.db.time_limits import explain

_STYLES: Final = re.compile(rb"<style>(.*?)</style>", re.DOTALL)
AGAIN_IN: Final = "5"
"""Seconds after which a browser or a provider may try again."""


def server_error(request: HttpRequest) -> HttpResponse:
    """Return the response to an unexpected error: JSON under `/api/`, a page elsewhere."""
    if request.path.startswith("/api/"):
        return JsonResponse({"detail": "Something went wrong on our side.", "code": "error"}, status=500)
    return _with_own_styles(plain_server_error(request))


class UnavailableMiddleware:
    """Answers 503 with a sentence when the database is away or has stopped a statement at a time limit."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Return the page for an error of the database that is nobody's mistake, or None for any other error."""
        problem = explain(exception)
        if problem is None:
            return None
        answer = HttpResponse(render_to_string("503.html", {"detail": problem.detail}), status=problem.status)
        answer["Retry-After"] = AGAIN_IN
        return _with_own_styles(answer)


def _with_own_styles(answer: HttpResponse) -> HttpResponse:
    # The page asks for no file and is shown with its own styles: our policy lets these pass, and no others.
    styles = b"".join(_STYLES.findall(answer.content))
    digest = base64.b64encode(hashlib.sha256(styles).digest()).decode()
    vars(answer)["_csp_update"] = {"style-src": [f"'sha256-{digest}'"]}
    return answer
