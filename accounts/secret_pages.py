"""Pages whose address is a secret: nobody keeps, indexes or passes it on, and their forms are checked."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.decorators import decorator_from_middleware


class FormCheck(CsrfViewMiddleware):
    """Django's check of forms, for a page that tells nobody where it is.

    Under `no-referrer` browsers name no origin with its form ("null"). The cookie and the form's own
    value still have to match; that a page elsewhere knows neither, nor the address, is what protects here.
    """

    def _origin_verified(self, request: HttpRequest) -> bool:
        return request.META.get("HTTP_ORIGIN") == "null" or bool(super()._origin_verified(request))  # type: ignore[misc]


checked = decorator_from_middleware(FormCheck)


def private(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Have nobody keep, index or pass on such an address, whatever the answer."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        found = view(request, *args, **kwargs)
        found["Referrer-Policy"] = "no-referrer"
        found["X-Robots-Tag"] = "noindex, nofollow, noarchive"
        return found

    return answer
