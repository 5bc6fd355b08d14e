"""How pages are made and leave: templates, compression, and answers to errors that ask for no file."""

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.template import TemplateDoesNotExist
from django.template.backends.django import DjangoTemplates, Template, reraise
from django.template.context import make_context
from django.template.loader import render_to_string
from django.views.defaults import server_error as plain_server_error

from core.db.roles import explain

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


class PageCompressionMiddleware(GZipMiddleware):
    """Packs answers to reading requests with Django's own padding of random length against BREACH.

    The length of a packed page tells of what stands in it when somebody else chooses a part of it and asks again
    and again. Another site can only open our pages, not ask for them in secret (SameSite=Lax), CSRF tokens are
    masked differently each time, and the padding blurs the rest. Answers to forms are never packed: some show a
    new secret, once.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Return the answer, packed when the browser takes that and it is worth it."""
        if request.method != "GET" or response.streaming:
            return response
        return super().process_response(request, response)


class Templates(DjangoTemplates):
    """Django's templates, with pages that free their context."""

    def get_template(self, template_name: str) -> Template:
        """Return a template. Raises TemplateDoesNotExist."""
        return _Page(super().get_template(template_name).template, self)


class _Page(Template):
    def render(self, context: Mapping[str, Any] | None = None, request: HttpRequest | None = None) -> Any:
        """Render as Django does, and break the context's reference cycle, which keeps all rows alive."""
        made = make_context(dict(context or {}), request, autoescape=self.backend.engine.autoescape)
        try:
            return self.template.render(made)
        except TemplateDoesNotExist as problem:
            reraise(problem, self.backend)
        finally:
            made.dicts.clear()
