"""Pages whose address is a secret: nobody keeps, indexes, passes on or guesses it, and their forms are checked."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.crypto import salted_hmac
from django.utils.decorators import decorator_from_middleware

from accounts.models import User
from accounts.services import client_address
from core.reliability.rate_limit import count_or_let_pass

UNKNOWN_PER_MINUTE: Final = 30


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


def visitor_of(request: HttpRequest) -> UUID | None:
    """Return who is signed in where such a page was opened, if anybody is."""
    user = request.user
    return user.pk if isinstance(user, User) or user.is_authenticated else None


def refuse_guessing(request: HttpRequest, page: str) -> HttpResponse | None:
    """Note an unknown address of a page; return an answer to who has tried too many within a minute.

    Only unknown ones are counted, so nobody locks others out of theirs.
    """
    who = salted_hmac(f"walker.{page}", client_address(request)).hexdigest()
    if count_or_let_pass(f"{page}-unknown:{who}", seconds=60) <= UNKNOWN_PER_MINUTE:
        return None
    return HttpResponse("Too many.\n", status=429, content_type="text/plain", headers={"Retry-After": "60"})
